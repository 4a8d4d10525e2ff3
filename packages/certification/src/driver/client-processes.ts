/** Clients as processes of their own, which all begin at one moment. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ClientName, DiscoveryDirectories, VolumeOptions } from '@drydock/volume-plugin';
import { CheckFailedError, HarnessError } from '../run/outcome.ts';

/** What a process is told. */
export interface ClientJob {
  readonly client: ClientName;
  readonly plugin: string;
  readonly directories: DiscoveryDirectories;
  readonly mounts: readonly { readonly volume: string; readonly options: VolumeOptions; readonly mountId?: string }[];
  /** Of all calls of a mount. */
  readonly callTimeoutMs: number;
}

/** What it answers: the mountpoints, why the driver did not give one, or what went wrong on our side. */
export type ClientOutcome =
  | { readonly mountpoints: readonly string[] }
  | { readonly got: string }
  | { readonly harness: string };

const PROGRAM = fileURLToPath(new URL('client-process.ts', import.meta.url));

/**
 * Mounts in one process per job; all are up before the first begins. Gives the mountpoints of each job.
 * @throws CheckFailedError when the driver refuses one of them; HarnessError
 */
export async function mountInProcesses(
  jobs: readonly ClientJob[],
  signal: AbortSignal,
): Promise<readonly (readonly string[])[]> {
  const children = jobs.map(() => fork(PROGRAM, { cwd: '/', stdio: 'ignore', execArgv: [] }));
  try {
    await Promise.all(children.map(async (child) => await messageOf(child, signal)));
    const outcomes = await Promise.all(
      children.map(async (child, index) => {
        const outcome = messageOf(child, signal);
        child.send(jobs[index] ?? {});
        return (await outcome) as ClientOutcome; // what client-process.ts sends
      }),
    );
    return outcomes.map(toMountpoints);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

function toMountpoints(outcome: ClientOutcome): readonly string[] {
  if ('mountpoints' in outcome) return outcome.mountpoints;
  if ('got' in outcome) throw new CheckFailedError({ expected: 'every process to mount its volumes', ...outcome });
  throw new HarnessError(`A process of the client ended with: ${outcome.harness}`, 'report it');
}

async function messageOf(child: ChildProcess, signal: AbortSignal): Promise<unknown> {
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new HarnessError(`A process of the client ended with status ${code}`, 'report it');
  });
  const [message]: unknown[] = await Promise.race([once(child, 'message', { signal }), ended]);
  ended.catch(() => undefined); // it ends after its message, or is ended
  return message;
}
