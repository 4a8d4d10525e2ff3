import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DaemonFailedError, DaemonProcess } from './daemon-process.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daemon-process-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const start = async (script: string): Promise<DaemonProcess> =>
  await DaemonProcess.start({
    name: 'daemon',
    argv: ['sh', '-c', script],
    env: { PATH: '/usr/bin:/bin' },
    logPath: join(directory, 'log'),
    stopMsMax: 5_000,
  });

/** Field 6 of proc(5) stat. */
async function sessionOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
}

describe('DaemonProcess', () => {
  it('has a session of its own, so that Ctrl-C at a terminal is not its second signal', async () => {
    await using daemon = await start('exec sleep 60');
    expect(await sessionOf(daemon.pid)).toBe(daemon.pid);
  });

  it('is asked to end once and waited for', async () => {
    const script = "trap 'echo stopping; exit 3' TERM; echo ready; while :; do sleep 0.05; done";
    const daemon = await start(script);
    await waitUntil(async () => (await readFile(daemon.logPath, 'utf8')).includes('ready'), { what: 'the daemon' });
    await Promise.all([daemon.stop(), daemon.stop()]);
    expect(daemon.exitCode).toBe(3);
    expect(await readFile(daemon.logPath, 'utf8')).toBe('ready\nstopping\n');
  });

  it('tells what a daemon said last that has ended by itself', async () => {
    await using daemon = await start('echo no port is free; exit 1');
    await waitUntil(() => daemon.hasEnded, { what: 'the daemon to end' });
    await expect(daemon.assertRunning()).rejects.toThrow(DaemonFailedError);
    await expect(daemon.assertRunning()).rejects.toThrow('daemon ended with status 1:\nno port is free');
  });
});
