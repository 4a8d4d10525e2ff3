import {
  MesosClusterContainers,
  type ContainerAgent,
  type StartedContainersCluster,
} from '@drydock/cluster/containers';
import '@drydock/cluster/vitest';
import { afterEach, describe, expect, it } from 'vitest';
import { logsOf } from '../testing/logs-of.ts';
import { PinnedTasks, type PinnedTask } from '../testing/pinned-tasks.ts';
import { aVolume } from '../testing/test-cluster.ts';

/** Many tasks at once. */
const AGENT_COUNT = 3;
const TASK_COUNT = 50;
const VOLUME_COUNT = 10;
const DRIVER = 'convoy-0.5-devicemapper';

let cluster: StartedContainersCluster;
afterEach(async () => {
  await cluster.stop();
});

/** Every one waits until all those that share its volume on its agent are there, so that they hold it together. */
function tasksOf(agentIndex: number): readonly PinnedTask[] {
  const own = Array.from({ length: TASK_COUNT }, (_, index) => index).filter(
    (index) => index % AGENT_COUNT === agentIndex,
  );
  return own.map((index) => {
    const volume = index % VOLUME_COUNT;
    const sharers = own.filter((other) => other % VOLUME_COUNT === volume).length;
    return {
      name: `t${index}`,
      command: `touch /data/t${index}; until [ $(ls /data | grep -c '^t') -ge ${sharers} ]; do sleep 0.1; done; echo ${sharers} share`,
      volumes: [aVolume({ driver: DRIVER, name: `v${volume}` })],
    };
  });
}

/** Per volume of an agent, in the order in which the driver was called: `M` Mount, `U` Unmount. */
async function callsByVolume(agent: ContainerAgent): Promise<ReadonlyMap<string, string>> {
  const calls = new Map<string, string>();
  for (const { method, request } of await agent.driver(DRIVER).requests()) {
    const letter = { 'VolumeDriver.Mount': 'M', 'VolumeDriver.Unmount': 'U' }[method];
    const name = request.Name ?? '';
    if (letter !== undefined) calls.set(name, `${calls.get(name) ?? ''}${letter}`);
  }
  return calls;
}

describe(
  `${TASK_COUNT} tasks at once on ${AGENT_COUNT} agents that share ${VOLUME_COUNT} volumes`,
  { tags: ['docker'], timeout: 300_000 },
  () => {
    it.each(['per_container', 'first_container'] as const)(
      'are unmounted as the counting policy %s says',
      async (policy) => {
        cluster = await new MesosClusterContainers()
          .withAgents(AGENT_COUNT)
          .withDriver(DRIVER)
          .withAgentFlags(`--docker_volume_mount_counting=${policy}`, '--resources=cpus:100;mem:100000')
          .withLogsDirectory(logsOf(`load-${policy}`))
          .start();
        await using tasks = await PinnedTasks.subscribe(cluster);
        const plans = cluster.agents.map((agent, index) => ({ agent, planned: tasksOf(index) }));
        await Promise.all(plans.map(async ({ agent, planned }) => await tasks.launchAll(agent, planned)));
        const names = plans.flatMap(({ planned }) => planned.map(({ name }) => name));
        const ended = await Promise.all(names.map(async (name) => await tasks.end(name)));
        expect(ended.map(({ state }) => state)).toEqual(names.map(() => 'TASK_FINISHED'));
        await cluster.waitUntilIdle();
        await expect(cluster).toHaveNoLeaks();
        for (const { agent, planned } of plans) {
          const calls = await callsByVolume(agent);
          for (let volume = 0; volume < VOLUME_COUNT; volume += 1) {
            const holders = planned.filter(({ name }) => Number(name.slice(1)) % VOLUME_COUNT === volume).length;
            // All hold it at one time: mounted for each or for the first, and unmounted once, after the last.
            const wanted = policy === 'per_container' ? 'M'.repeat(holders) : 'M';
            expect([agent.name, volume, calls.get(`v${volume}`)]).toEqual([agent.name, volume, `${wanted}U`]);
          }
        }
      },
    );
  },
);
