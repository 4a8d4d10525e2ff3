import { waitUntil } from '@drydock/base/wait-until';
import type { ExecuteOptions } from '../executed-task.ts';
import type { LaunchedTask, MesosCluster } from './mesos-cluster.ts';

const KNOWN_MS_MAX = 60_000;

/** Starts mesos-execute in the background; resolves when the master knows the task, or it has ended before. */
export async function launchTask(cluster: MesosCluster, options: ExecuteOptions): Promise<LaunchedTask> {
  const cancelling = new AbortController();
  const task = cluster.task({ id: options.name ?? 'test' });
  const before = await task.frameworkId();
  const signals = [cancelling.signal, ...(options.signal === undefined ? [] : [options.signal])];
  let hasEnded = false;
  const ended = cluster.execute({ ...options, signal: AbortSignal.any(signals) }).finally(() => {
    hasEnded = true;
  });
  // Whoever looks at `ended` hears of it; without that it is no unhandled rejection.
  ended.catch(() => undefined);
  await waitUntil(async () => hasEnded || ((await task.frameworkId()) ?? before) !== before, {
    what: `the master to know task ${task.id}`,
    timeoutMs: KNOWN_MS_MAX,
    intervalMs: 50,
  });
  return {
    task,
    ended,
    cancel: async () => {
      cancelling.abort();
      await ended;
    },
  };
}
