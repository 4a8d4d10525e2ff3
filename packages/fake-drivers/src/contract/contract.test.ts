import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFakeDriver, type StartedFakeDriver } from '../fake-driver.ts';
import { driverProfiles } from '../profiles/index.ts';
import { fill } from '../template.ts';
import { habitsOf } from './habits-of.ts';
import { missingFor, type CaseContext } from './plugin-case.ts';
import { pluginCases } from './plugin-cases.ts';
import { createSocketClient } from './socket-client.ts';

describe.each(driverProfiles)('$name', (profile) => {
  const habits = habitsOf(profile);
  let directory: string;
  let driver: StartedFakeDriver;
  let count = 0;

  beforeAll(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'contract-')));
    driver = await startFakeDriver({
      socketPath: join(directory, 'd.sock'),
      directory: join(directory, 'state'),
      profile,
      store: 'directory',
      shared: { directory: join(directory, 'shared'), pollMs: 5 },
    });
  });

  afterAll(async () => {
    await driver.stop();
    await rm(directory, { recursive: true });
  });

  const context = (): CaseContext => ({
    client: createSocketClient(driver.socketPath, { signal: AbortSignal.timeout(20_000) }),
    habits,
    volumeName: () => `case-${++count}`,
    optionsFor: (name) =>
      Object.fromEntries(
        Object.entries(profile.exampleOptions).map(([key, text]) => [
          key,
          fill(text, { name, data: join(directory, 'state', 'data') }),
        ]),
      ),
  });

  it.each(pluginCases.filter((testCase) => missingFor(testCase, habits).length === 0))(
    '$id $title',
    async (testCase) => {
      await expect(testCase.run(context())).resolves.toBeUndefined();
    },
  );
});

describe('the contract', () => {
  it('has ids of its own for every case', () => {
    const ids = pluginCases.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
