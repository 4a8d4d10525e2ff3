import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@drydock/base/wait-until';
import { run } from '@drydock/base/subprocess';
import { RUN_LABEL } from '@drydock/cluster/containers';
import { describe, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('killed-run-program.ts', import.meta.url));

/** Containers, networks and volumes of a run, by the engine's own tool. */
async function ofRun(runName: string): Promise<readonly string[]> {
  const filter = `--filter=label=${RUN_LABEL}=${runName}`;
  const lists = await Promise.all(
    [
      ['ps', '--all', '--quiet', filter],
      ['network', 'ls', '--quiet', filter],
      ['volume', 'ls', '--quiet', filter],
    ].map(async (args) => {
      const { exitCode, stdout, stderr } = await run(['docker', ...args], { timeoutMs: 20_000 });
      if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
      return stdout.split('\n').filter((line) => line !== '');
    }),
  );
  return lists.flat();
}

describe('a run that is killed', { tags: ['docker'] }, () => {
  it('has its containers, networks and volumes removed', async () => {
    const child = spawn(process.execPath, [PROGRAM], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TESTCONTAINERS_RYUK_RECONNECTION_TIMEOUT: '2s' },
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { runName } = JSON.parse(line.toString()) as { readonly runName: string };
    expect((await ofRun(runName)).length).toBeGreaterThanOrEqual(6);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    await waitUntil(async () => await ofRun(runName), {
      what: 'everything of the run to be removed',
      until: (left) => left.length === 0,
      timeoutMs: 60_000,
      intervalMs: 250,
    });
  });
});
