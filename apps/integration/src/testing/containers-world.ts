/** A cluster in containers for the tests of a file: one cluster, a framework per test, nothing left after each. */
import type { MesosClusterContainers, ContainerAgent, StartedContainersCluster } from '@drydock/cluster/containers';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { logsOf } from './logs-of.ts';
import { PinnedTasks } from './pinned-tasks.ts';
import { assertNothingLeft } from './test-cluster.ts';

export interface ContainersWorld {
  readonly cluster: StartedContainersCluster;
  /** Of the test. */
  readonly tasks: PinnedTasks;
  agent(index: number): ContainerAgent;
  /** That has a task, or had it. */
  agentOf(taskId: string): Promise<ContainerAgent>;
  /** Leaves the file `go` for a task in its sandbox; whose agent is away needs the sandbox, and has to be the first. */
  letGo(taskId: string, sandbox?: string): Promise<void>;
}

/** Registers the hooks; what it gives can be used in tests. `name` is that of the logs' directory. */
export function containersWorld(
  name: string,
  builder: MesosClusterContainers,
  framework?: Record<string, unknown>,
): ContainersWorld {
  let cluster: StartedContainersCluster | undefined;
  let tasks: PinnedTasks | undefined;
  beforeAll(async () => {
    cluster = await builder.withLogsDirectory(logsOf(name)).start();
  });
  afterAll(async () => {
    await cluster?.stop();
  });
  beforeEach(async () => {
    tasks = await PinnedTasks.subscribe(there(cluster), framework);
  });
  afterEach(async () => {
    await tasks?.[Symbol.asyncDispose]();
    await assertNothingLeft(there(cluster));
  });
  const agentOf = async (id: string): Promise<ContainerAgent> => {
    const agentId = await there(cluster).task({ id }).agentId();
    const agents = there(cluster).agents.map(async (agent) => ((await agent.id()) === agentId ? [agent] : []));
    return there((await Promise.all(agents)).flat()[0]);
  };
  return {
    get cluster() {
      return there(cluster);
    },
    get tasks() {
      return there(tasks);
    },
    agent: (index) => there(there(cluster).agents[index]),
    agentOf,
    letGo: async (id, sandbox) => {
      const directory = sandbox ?? (await there(cluster).sandbox({ id })).directory;
      const agent = sandbox === undefined ? await agentOf(id) : there(there(cluster).agents[0]);
      expect(await agent.exec(['touch', `${directory}/go`])).toMatchObject({ exitCode: 0 });
    },
  };
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The cluster of this file is not started');
  return value;
}
