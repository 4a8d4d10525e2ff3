/**
 * For tests with vitest: `toReach` and `toHaveNoLeaks`, and a test whose fixture is a cluster that is started once per file
 * and stopped after it. Importing it extends `expect`.
 */
import { expect, test, type TestAPI } from 'vitest';
import type { ClusterBuilder } from '../cluster/cluster-builder.ts';
import type { MesosCluster } from '../cluster/mesos-cluster.ts';
import { matchers } from './matchers.ts';

declare module 'vitest' {
  // Type parameters have to be those of vitest's own.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** Waits until the task has been in the state; default 60 s. */
    toReach(state: string, options?: { readonly timeoutMs?: number }): Promise<void>;
    /** Nothing is left that the run should have undone. */
    toHaveNoLeaks(): Promise<void>;
  }
}

expect.extend(matchers);

/**
 * A `test` that has the cluster as its fixture `cluster`: started when the first test of the file asks for it, stopped
 * after the last.
 *
 * @example
 * const test = testWithCluster(new MesosClusterLocal().withDriver('convoy'));
 * test('runs a task', async ({ cluster }) => { ... });
 */
export function testWithCluster<Started extends MesosCluster>(
  builder: ClusterBuilder<Started>,
): TestAPI<{ cluster: Started }> {
  // oxlint-disable-next-line no-empty-pattern -- vitest insists on a pattern
  const extended = test.extend('cluster', { scope: 'file' }, async ({}, { onCleanup }): Promise<Started> => {
    const cluster = await builder.start();
    onCleanup(async () => await cluster.stop());
    return cluster;
  });
  return extended as unknown as TestAPI<{ cluster: Started }>;
}
