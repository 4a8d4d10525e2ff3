/** Every case of the contract fails for a driver that breaks what the case is about. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startUnixHttpServer } from '@drydock/volume-plugin/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFakeDriver } from '../fake-driver.ts';
import { findProfile } from '../profiles/index.ts';
import { habitsOf } from './habits-of.ts';
import { ContractError, type DriverHabits } from './plugin-case.ts';
import { pluginCases } from './plugin-cases.ts';
import { createSocketClient } from './socket-client.ts';

const profile = findProfile('convoy-0.5-vfs');
const habits = habitsOf(profile);

let directory: string;
let socketPath: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mutants-'));
  socketPath = join(directory, 'd.sock');
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** A driver that says yes to everything. */
const YES = 'yes';

/** What breaks each case: faults of a driver that keeps it otherwise, or a driver that says yes to everything. */
const mutants: Readonly<Record<string, string>> = {
  'PLG-001': 'activate: err500(no)',
  'PLG-002': 'activate: 1*off -> err500(no)',
  'PLG-003': 'capabilities: err500(no)',
  'PLG-004': YES,
  'PLG-005': YES,
  'PLG-006': YES,
  'PLG-007': YES,
  'PLG-020': 'mount: mountpoint(relative)',
  'PLG-021': 'mount: 1*off -> mountpoint(/elsewhere)',
  'PLG-022': 'path: mountpoint(/elsewhere)',
  'PLG-023': 'list: mountpoint(/no-list)',
  'PLG-024': 'mount: mountpoint(/same)',
  'PLG-025': 'mount: 7*off -> error(no)',
  'PLG-026': 'remove: mountpoint(/nothing-done)',
  'PLG-040': 'create: 1*off -> error(no)',
  'PLG-041': 'mount: mountpoint(/m)',
  'PLG-042': 'unmount: error(no)',
  'PLG-043': 'unmount: 1*off -> error(no)',
  'PLG-044': 'remove: error(no)',
  'PLG-045': 'remove: mountpoint(/nothing-done)',
  'PLG-046': 'unmount: mountpoint(/nothing-done)',
  'PLG-047': 'get: mountpoint(/no-volume)',
  'PLG-048': 'path: mountpoint(/elsewhere)',
  'PLG-049': 'get: mountpoint(/no-volume)',
  'PLG-050': 'mount: mountpoint()',
};

async function startMutant(mutant: string): Promise<AsyncDisposable> {
  if (mutant !== YES)
    return await startFakeDriver({ socketPath, profile, directory: join(directory, 's'), faults: mutant });
  const body = JSON.stringify({ Implements: ['VolumeDriver'], Mountpoint: '/m', Volume: { Name: 'v' } });
  return await startUnixHttpServer({
    socketPath,
    handle: async () => ({ status: 200, contentType: 'application/json', body }),
  });
}

async function outcomeOf(id: string, declared: DriverHabits): Promise<unknown> {
  let count = 0;
  const testCase = pluginCases.find((one) => one.id === id);
  return await testCase
    ?.run({
      client: createSocketClient(socketPath, { signal: AbortSignal.timeout(10_000) }),
      habits: declared,
      volumeName: () => `case-${++count}`,
      optionsFor: () => ({}),
    })
    .catch((error: unknown) => error);
}

describe('the contract', () => {
  it('has a mutant for every case', () => {
    expect(Object.keys(mutants)).toEqual(pluginCases.map(({ id }) => id));
  });

  it.each(Object.entries(mutants))('%s fails for a driver with `%s`', async (id, mutant) => {
    await using _driver = await startMutant(mutant);
    expect(await outcomeOf(id, habits)).toBeInstanceOf(ContractError);
  });

  it('fails for a driver whose habits are not those that it declares', async () => {
    await using _driver = await startMutant('');
    expect(await outcomeOf('PLG-046', { ...habits, unmountsForTwoMounts: 2 })).toBeInstanceOf(ContractError);
    expect(await outcomeOf('PLG-040', { ...habits, createAgain: 'is refused' })).toBeInstanceOf(ContractError);
    expect(await outcomeOf('PLG-048', { ...habits, pathUnknown: 'empty' })).toBeInstanceOf(ContractError);
  });
});
