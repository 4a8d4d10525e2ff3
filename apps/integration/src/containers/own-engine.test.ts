import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@drydock/base/wait-until';
import { startOwnEngine } from '@drydock/cluster/containers';
import { describe, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('own-engine-program.ts', import.meta.url));

/** Processes whose command line names the directory. */
async function processesOf(directory: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== `${process.pid}`);
  const lines = await Promise.all(
    pids.map(async (pid) => await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(directory));
}
const ownInterfaces = (): readonly string[] =>
  Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    addresses?.some(({ address }) => address.startsWith('198.18.')) === true ? [name] : [],
  );

describe('a Docker Engine of our own', { tags: ['docker', 'root'] }, () => {
  it('is gone with its interfaces and files when it is stopped', async () => {
    const before = ownInterfaces();
    const engine = await startOwnEngine();
    expect(ownInterfaces()).toHaveLength(before.length + 1);
    await engine.stop();
    await engine.stop();
    // The kernel takes a network namespace apart after its last process has ended.
    await waitUntil(ownInterfaces, {
      what: 'its interface to be gone',
      until: (left) => left.length === before.length,
    });
    expect(await processesOf(engine.directory)).toEqual([]);
    await expect(access(engine.directory)).rejects.toThrow('ENOENT');
  });

  it('is ended by the kernel when its owner is killed; the next one removes its files', async () => {
    const before = ownInterfaces();
    const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { directory } = JSON.parse(line.toString()) as { readonly directory: string };
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    await waitUntil(async () => await processesOf(directory), {
      what: 'the processes of the engine to end',
      until: (left) => left.length === 0,
      timeoutMs: 20_000,
    });
    await waitUntil(ownInterfaces, {
      what: 'its interface to be gone',
      until: (left) => left.length === before.length,
    });
    await access(directory);
    await using _next = await startOwnEngine();
    await expect(access(directory)).rejects.toThrow('ENOENT');
  });
});
