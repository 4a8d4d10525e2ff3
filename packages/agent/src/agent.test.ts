import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import { waitUntil } from '@drydock/base/wait-until';
import type { ContainerTermination, ForkedContainer } from '@drydock/containerizer';
import {
  VirtualFiles,
  filesRoutes,
  acceptedContentType,
  acceptedReply,
  agentApiCallType,
  agentApiEventType,
  encode,
  readCall,
  startHttpService,
  streamReply,
  type AgentApiEvent,
  type HttpRoute,
  type RecordStream,
  type TaskStatus,
} from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentOptions } from './agent-options.ts';
import { Agent } from './agent.ts';

/** A master that says what the test wants over real HTTP, and keeps the statuses that it gets. */
class ScriptedMaster {
  readonly statuses: TaskStatus[] = [];
  readonly exits: unknown[] = [];
  #stream: RecordStream | undefined;

  readonly route: HttpRoute = {
    method: 'POST',
    path: '/api/v1/agent-link',
    handle: (request) => {
      const call = readCall(request, agentApiCallType);
      if (call.update_status !== undefined) this.statuses.push(call.update_status.status);
      if (call.executor_exited !== undefined) this.exits.push(call.executor_exited);
      if (call.type !== 'REGISTER') return acceptedReply();
      const open = (stream: RecordStream): void => {
        this.#stream = stream;
        const registered = {
          agent_id: { value: 'S0' },
          master_info: { id: 'M', ip: 0, port: 5050 },
          heartbeat_interval_seconds: 15,
        };
        this.send({ type: 'REGISTERED', registered });
      };
      return streamReply({ contentType: acceptedContentType(request), streamId: 'stream', open });
    },
  };

  send(event: AgentApiEvent): void {
    this.#stream?.send(encode(agentApiEventType, event, 'application/x-protobuf'));
  }

  runTask(id: string): void {
    const task = {
      name: id,
      task_id: { value: id },
      agent_id: { value: 'S0' },
      command: { value: 'true', user: 'nobody' },
    };
    this.send({
      type: 'RUN_TASK',
      run_task: { framework_info: { user: 'root', name: 'f', id: { value: 'F' } }, task },
    });
  }

  killTask(id: string): void {
    this.send({ type: 'KILL_TASK', kill_task: { framework_id: { value: 'F' }, task_id: { value: id } } });
  }

  acknowledge({ task_id: taskId, uuid = Buffer.alloc(0) }: TaskStatus): void {
    const acknowledged = { framework_id: { value: 'F' }, task_id: taskId, uuid };
    this.send({ type: 'STATUS_ACKNOWLEDGED', status_acknowledged: acknowledged });
  }

  /** The next state that is not `seen` yet, acknowledged. */
  async next(seen: number): Promise<TaskStatus> {
    const status = await waitUntil(() => this.statuses[seen], { what: `status ${seen + 1}` });
    if (status === undefined) throw new Error('waitUntil gives only good values');
    this.acknowledge(status);
    return status;
  }
}

/** Containers that end when the test says so. */
class ScriptedContainer implements ForkedContainer {
  readonly pid = 4242;
  readonly #exited = Promise.withResolvers<ContainerTermination>();
  readonly exited: Promise<ContainerTermination> = this.#exited.promise;
  readonly calls: string[] = [];

  async hasStarted(): Promise<boolean> {
    return await Promise.resolve(true);
  }
  async openGate(): Promise<void> {
    this.calls.push('openGate');
    await Promise.resolve();
  }
  async terminate(): Promise<void> {
    this.calls.push('terminate');
    await Promise.resolve();
  }
  async kill(): Promise<void> {
    this.end();
    await Promise.resolve();
  }
  end(): void {
    this.#exited.resolve({ how: 'exited', exitCode: 0, waitStatus: 0, isOutOfMemory: false });
  }
}

class ScriptedContainerizer {
  readonly containers: ScriptedContainer[] = [];
  readonly configs: Parameters<AgentOptions['containerizer']['launch']>[1][] = [];
  /** What happens before a launch gives its container. */
  onLaunch: () => void = () => undefined;

  launch: AgentOptions['containerizer']['launch'] = async (_, config) => {
    this.configs.push(config);
    const container = new ScriptedContainer();
    this.containers.push(container);
    this.onLaunch();
    return await Promise.resolve(container);
  };

  readonly destroyErrorCount = 0;
  destroy: AgentOptions['containerizer']['destroy'] = async () => {
    for (const container of this.containers) if (!container.calls.includes('openGate')) await container.kill();
  };
}

let stack: AsyncDisposableStack;
let master: ScriptedMaster;
let containerizer: ScriptedContainerizer;
let agent: Agent;
let files: VirtualFiles;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const workDir = await mkdtemp(join(tmpdir(), 'agent-'));
  stack.defer(async () => await rm(workDir, { recursive: true }));
  master = new ScriptedMaster();
  containerizer = new ScriptedContainerizer();
  files = new VirtualFiles();
  const service = stack.use(await startHttpService({ port: 0, prefix: 'master', routes: [master.route] }));
  agent = new Agent({
    master: `127.0.0.1:${service.port}`,
    workDir,
    hostname: 'h',
    ip: '127.0.0.1',
    port: 1,
    version: '1.12.0',
    resources: [],
    attributes: [],
    isSwitchingUser: false,
    hasDockerVolumes: true,
    executorEnvironmentVariables: {},
    executorShutdownGraceMs: 60_000,
    completedExecutorCountMax: 1,
    containerizer,
    files,
    logger: silentLogger,
    onRefused: () => undefined,
    onShutdown: () => undefined,
  });
  stack.defer(async () => {
    for (const container of containerizer.containers) container.end();
    await agent.drain();
  });
  await waitUntil(() => agent.state === 'running', { what: 'the agent to register' });
});
afterEach(async () => {
  await stack.disposeAsync();
});

describe('Agent', () => {
  it('runs the tasks of a framework that comes back while those of its earlier life are still ending', async () => {
    master.runTask('t');
    expect([(await master.next(0)).state, (await master.next(1)).state]).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    master.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: { value: 'F' } } });
    const [first] = containerizer.containers;
    await waitUntil(() => first?.calls.includes('terminate'), { what: 'the first task to be asked to end' });

    master.runTask('t');
    expect([(await master.next(2)).state, (await master.next(3)).state]).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    first?.end();
    await waitUntil(() => agent.activeRuns.length === 1, { what: 'the first container to be cleaned up' });
    expect(agent.frameworks.map(({ runs }) => [...runs.keys()])).toEqual([['t']]);

    const [, second] = containerizer.containers;
    master.killTask('t');
    await waitUntil(() => second?.calls.includes('terminate'), { what: 'the second task to be asked to end' });
    second?.end();
    expect((await master.next(4)).state).toBe('TASK_KILLED');
    await waitUntil(() => agent.frameworks.length === 0, { what: 'the framework to be completed' });
    expect(agent.completedFrameworks.map(({ completed }) => completed.at(-1)?.state)).toEqual(['TASK_KILLED']);
  });

  it("runs everything as its own user without --switch_user, whatever the task's command says", async () => {
    master.runTask('t');
    await master.next(0);
    expect(containerizer.configs).toMatchObject([{ user: 'root', command: { value: 'true', user: 'root' } }]);
  });

  it('shows the newest sandbox of a task that ran again and again', async () => {
    await using service = await startHttpService({ port: 0, prefix: 'slave(1)', routes: filesRoutes(files) });
    for (let round = 0; round < 3; round += 1) {
      master.runTask('t');
      await master.next(3 * round);
      await master.next(3 * round + 1);
      containerizer.containers[round]?.end();
      await master.next(3 * round + 2);
      await waitUntil(() => agent.frameworks.length === 0, { what: 'the framework to be completed' });
    }
    const path = '/frameworks/F/executors/t/runs/latest/stdout';
    const response = await fetch(`http://127.0.0.1:${service.port}/files/download?path=${path}`);
    expect(await response.text()).toContain('Starting task t');
  });

  it('kills a task whose kill comes when its container is forked and nobody supervises it yet', async () => {
    let isAsked = false;
    containerizer.onLaunch = () => {
      const [framework] = agent.frameworks;
      const run = framework?.runs.get('t');
      void run?.kill(undefined);
      isAsked = run !== undefined;
    };
    master.runTask('t');
    const status = await master.next(0);
    expect(isAsked).toBe(true);
    expect(status).toMatchObject({
      state: 'TASK_KILLED',
      source: 'SOURCE_AGENT',
      reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
    });
    expect(containerizer.containers.flatMap(({ calls }) => calls)).toEqual([]);
  });
});

describe('what the master says to an agent', () => {
  const ids = { framework_id: { value: 'F' }, executor_id: { value: 't' } };
  const updateFramework: AgentApiEvent = {
    type: 'UPDATE_FRAMEWORK',
    update_framework: { framework_info: { user: 'root', name: 'renamed', id: { value: 'F' } } },
  };

  it('SHUTDOWN_EXECUTOR: ends the executor of a command task, which has the id of the task', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    master.send({ type: 'SHUTDOWN_EXECUTOR', shutdown_executor: { ...ids, executor_id: { value: 'other' } } });
    master.send({ type: 'SHUTDOWN_EXECUTOR', shutdown_executor: ids });
    const [container] = containerizer.containers;
    await waitUntil(() => container?.calls.includes('terminate'), { what: 'the task to be asked to end' });
    container?.end();
    expect((await master.next(2)).state).toBe('TASK_KILLED');
  });

  it('MESSAGE: is noted by the command executor, and goes no further', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    master.send({ type: 'MESSAGE', message: { ...ids, data: Buffer.from('hello') } });
    const sandbox = agent.frameworks[0]?.runs.get('t')?.sandbox ?? '';
    const stdout = async (): Promise<string> => await readFile(join(sandbox, 'stdout'), 'utf8');
    await waitUntil(async () => (await stdout()).includes('Received MESSAGE event\n'), { what: 'the line' });
    expect(await stdout()).not.toContain('hello');
  });

  it('UPDATE_FRAMEWORK: tells at once what has not been acknowledged', async () => {
    master.runTask('t');
    await waitUntil(() => master.statuses.length === 1, { what: 'the first status' });
    master.send(updateFramework);
    await waitUntil(() => master.statuses.length === 2, { what: 'it again' });
    expect(master.statuses[1]).toEqual(master.statuses[0]);
    expect(agent.frameworks[0]?.info.name).toBe('renamed');
  });

  it('RUN_TASK under the id of one that runs: is an error', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    master.runTask('t');
    const status = await waitUntil(() => master.statuses[2], { what: 'the refusal' });
    expect(status).toMatchObject({ state: 'TASK_ERROR', source: 'SOURCE_AGENT', message: 'Task has duplicate ID: t' });
    expect(status).not.toHaveProperty('uuid');
    expect(containerizer.containers).toHaveLength(1);
  });

  it('RUN_TASK under the id of one whose container is being cleaned up: runs', async () => {
    const cleanUp = Promise.withResolvers<void>();
    const { destroy } = containerizer;
    containerizer.destroy = async () => await cleanUp.promise;
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    containerizer.containers[0]?.end();
    expect((await master.next(2)).state).toBe('TASK_FINISHED');
    expect(agent.activeRuns).toHaveLength(1);
    master.runTask('t');
    expect([(await master.next(3)).state, (await master.next(4)).state]).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    containerizer.destroy = destroy;
    cleanUp.resolve();
  });

  it('RUN_TASK under the id of one whose acknowledged end was not heard of: runs', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    containerizer.containers[0]?.end();
    await waitUntil(() => master.statuses[2]?.state === 'TASK_FINISHED', { what: 'the end' });
    master.runTask('t');
    expect([(await master.next(3)).state, (await master.next(4)).state]).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
  });

  it('RUN_TASK_GROUP: is refused, and its executor is over', async () => {
    const executor = { executor_id: { value: 'e' } };
    const tasks = ['a', 'b'].map((id) => ({ name: id, task_id: { value: id }, agent_id: { value: 'S0' }, executor }));
    const framework = { user: 'root', name: 'f', id: { value: 'F' } };
    const group = { framework_info: framework, executor, task_group: { tasks } };
    master.send({ type: 'RUN_TASK_GROUP', run_task_group: group });
    await waitUntil(() => master.statuses.length === 2 && master.exits.length === 1, { what: 'the refusal' });
    const message = 'Task groups are not supported by this agent';
    const refused = { state: 'TASK_ERROR', source: 'SOURCE_AGENT', reason: 'REASON_TASK_GROUP_INVALID', message };
    expect(master.statuses).toEqual([expect.objectContaining(refused), expect.objectContaining(refused)]);
    expect(master.statuses.map(({ task_id: id }) => id.value).toSorted()).toEqual(['a', 'b']);
    expect(master.exits).toEqual([{ framework_id: { value: 'F' }, executor_id: { value: 'e' }, status: -1 }]);
  });

  it('RUN_TASK while it shuts down: is lost', async () => {
    master.runTask('t');
    await master.next(0);
    await master.next(1);
    const drained = agent.drain();
    master.runTask('t2');
    const status = await waitUntil(() => master.statuses[2], { what: 'the refusal' });
    expect(status).toMatchObject({
      task_id: { value: 't2' },
      state: 'TASK_LOST',
      source: 'SOURCE_AGENT',
      reason: 'REASON_AGENT_REMOVED',
      message: 'Agent is shutting down',
    });
    containerizer.containers[0]?.end();
    await drained;
    expect(agent.state).toBe('stopped');
  });
});
