import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '@drydock/base/log';
import { runOrThrow } from '@drydock/base/subprocess';
import { Launcher, type AttachedContainer } from './launcher.ts';
import { createOciConfig, type OciConfig } from './oci-config.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'launcher-'));
});
afterEach(async () => await rm(base, { recursive: true, force: true }));

const countTimers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

const aConfig = (): OciConfig =>
  createOciConfig({
    root: { kind: 'host', emptyDirectory: join(base, 'empty') },
    argv: ['true'],
    environment: {},
    workingDirectory: '/',
    mounts: [],
    user: { uid: 0, gid: 0, additionalGids: [] },
    initPath: '/no/such/init',
    hasTerminalGroup: false,
  });

describe('Launcher', () => {
  it('waits for 200 containers of another agent at no cost while they live', { timeout: 30_000 }, async () => {
    const launcher = new Launcher({
      // Nothing starts: the gates stay closed.
      runtime: '/no/such/runtime',
      runtimeStateDirectory: join(base, 'state'),
      logger: silentLogger,
    });
    const ids = Array.from({ length: 200 }, (_, index) => `c${index}`);
    const config = aConfig();
    const forked = await Promise.all(
      ids.map(async (runtimeId) => {
        const directory = join(base, runtimeId);
        await mkdir(directory);
        const [stdoutPath, stderrPath] = [join(directory, 'stdout'), join(directory, 'stderr')];
        return await launcher.fork({ runtimeId, directory, config, stdoutPath, stderrPath });
      }),
    );
    const timerCount = countTimers();
    const attached = await Promise.all(
      ids.map(async (runtimeId) => await launcher.attach({ runtimeId, directory: join(base, runtimeId) })),
    );
    const found = attached.filter((one): one is AttachedContainer => one?.wasAlive === true);
    expect(found.map(({ process: { pid } }) => pid)).toEqual(forked.map(({ pid }) => pid));
    expect(countTimers()).toBe(timerCount);
    await Promise.all(forked.map(async (one) => await one.terminate()));
    const ends = await Promise.all(found.map(async ({ process: { exited } }) => await exited));
    const aborted = { how: 'launch-failed', message: 'The launch was aborted before the command was started' };
    expect(ends).toEqual(ids.map(() => aborted));
  });

  it('attaches nothing where no shim was written down', async () => {
    const launcher = new Launcher({ runtime: '/no', runtimeStateDirectory: join(base, 'state'), logger: silentLogger });
    await expect(launcher.attach({ runtimeId: 'c', directory: join(base, 'missing') })).resolves.toBeUndefined();
  });

  it('says so when what is left of a container does not end', { tags: ['slow'] }, async () => {
    const launcher = new Launcher({ runtime: '/no', runtimeStateDirectory: join(base, 'state'), logger: silentLogger });
    await runOrThrow(['mkfifo', join(base, 'alive')]);
    await using _held = await open(join(base, 'alive'), 'r+');
    await expect(launcher.endOrphan('c', base)).rejects.toThrow(
      "The container 'c' of an earlier agent did not end within 30 s of SIGKILL",
    );
  });

  it('ends a container whose runtime takes no signal', { tags: ['slow'], timeout: 60_000 }, async () => {
    const runtime = join(base, 'refusing-runtime');
    await writeFile(runtime, '#!/bin/sh\ncase "$*" in *" run "*) exec sleep 600 ;; esac\nexit 1\n', { mode: 0o755 });
    const launcher = new Launcher({ runtime, runtimeStateDirectory: join(base, 'state'), logger: silentLogger });
    const [stdoutPath, stderrPath] = [join(base, 'stdout'), join(base, 'stderr')];
    const forked = await launcher.fork({ runtimeId: 'c', directory: base, config: aConfig(), stdoutPath, stderrPath });
    await forked.openGate();
    // By another agent, while the one that forked it still looks on.
    await launcher.endOrphan('c', base);
    expect(await forked.exited).toMatchObject({ how: 'launch-failed' });
  });
});
