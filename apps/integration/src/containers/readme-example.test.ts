// oxlint-disable vitest/no-standalone-expect -- `test` is the one that knows the cluster

import { MesosClusterLocal } from '@drydock/cluster';
import { testWithCluster } from '@drydock/cluster/vitest';
import { expect } from 'vitest';
import { startMyScheduler } from './my-scheduler.ts';

// Or `new MesosClusterContainers()` of `@drydock/cluster/containers`: the test stays as it is.
const test = testWithCluster(new MesosClusterLocal().withAgents(2).withDriver('rexray-ebs'));

test('my scheduler starts its task again when the agent dies', async ({ cluster }) => {
  await using scheduler = await startMyScheduler({ master: cluster.master.url, volumeDriver: 'rexray-ebs' });
  await expect(cluster.task({ id: 'worker-1' })).toReach('TASK_RUNNING');

  const [agent] = cluster.agents;
  await agent?.kill('SIGKILL');
  await agent?.restart();
  await expect(cluster.task({ id: 'worker-1' })).toReach('TASK_RUNNING');

  await scheduler.stop();
  await cluster.waitUntilIdle();
  await expect(cluster).toHaveNoLeaks();
});
