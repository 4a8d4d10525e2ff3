import { waitUntil } from '@drydock/base/wait-until';
import type { ExecutorInfo, FrameworkInfo, TaskInfo, TaskStatus } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedExecutor } from './testing/scripted-executor.ts';
import {
  startScriptedWorld,
  type ScriptedContainer,
  type ScriptedContainerizer,
  type ScriptedMaster,
  type ScriptedWorld,
} from './testing/scripted-world.ts';

let stack: AsyncDisposableStack;
let world: ScriptedWorld;
let master: ScriptedMaster;
let containerizer: ScriptedContainerizer;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  world = stack.use(await startScriptedWorld());
  ({ master, containerizer } = world);
});
afterEach(async () => {
  await stack.disposeAsync();
});

const scalar = (name: string, value: number): object => ({ name, type: 'SCALAR', scalar: { value } });
const resources = (cpus: number, mem: number): NonNullable<TaskInfo['resources']> =>
  [scalar('cpus', cpus), scalar('mem', mem)] as NonNullable<TaskInfo['resources']>;
const executor: ExecutorInfo = {
  executor_id: { value: 'e' },
  command: { value: 'run-tasks', environment: { variables: [{ name: 'OWN', value: '1' }] } },
  container: { type: 'MESOS', volumes: [{ container_path: 'v', mode: 'RW' }] },
  resources: resources(0.5, 64),
  shutdown_grace_period: { nanoseconds: 20e6 },
};
const framework: FrameworkInfo = { user: 'root', name: 'f', id: { value: 'F' }, checkpoint: true };
const aTask = (id: string): TaskInfo => ({
  name: id,
  task_id: { value: id },
  agent_id: { value: 'S0' },
  resources: resources(0.1, 32),
  executor,
});
const runTask = (id: string, info: Partial<FrameworkInfo> = {}): void =>
  master.send({ type: 'RUN_TASK', run_task: { framework_info: { ...framework, ...info }, task: aTask(id) } });
const runGroup = (...ids: readonly string[]): void =>
  master.send({
    type: 'RUN_TASK_GROUP',
    run_task_group: { framework_info: framework, executor, task_group: { tasks: ids.map(aTask) } },
  });
const shutdown = (): void =>
  master.send({
    type: 'SHUTDOWN_EXECUTOR',
    shutdown_executor: { framework_id: { value: 'F' }, executor_id: { value: 'e' } },
  });
const statesOf = (id: string): readonly string[] =>
  master.statuses.filter(({ task_id: taskId }) => taskId.value === id).map(({ state }) => state);
const lastStatus = async (id: string, state: string): Promise<TaskStatus> => {
  await waitUntil(() => statesOf(id).at(-1) === state, { what: `${id} to be ${state}` });
  const status = master.statuses.findLast(({ task_id: taskId }) => taskId.value === id);
  if (status === undefined) throw new Error('it has been waited for');
  return status;
};
/** What the executor has been told of in the container that is launched `count`th. */
const launched = async (count = 1): Promise<ScriptedContainer> => {
  await waitUntil(() => containerizer.containers[count - 1]?.calls.includes('openGate'), { what: 'the launch' });
  const container = containerizer.containers[count - 1];
  if (container === undefined) throw new Error('it has been waited for');
  return container;
};
const subscribed = async (known: Parameters<typeof ScriptedExecutor.connect>[1] = {}): Promise<ScriptedExecutor> =>
  stack.use(await ScriptedExecutor.connect(world.address, known));
/** An executor that runs a task. */
const running = async (id: string): Promise<ScriptedExecutor> => {
  runTask(id);
  await launched();
  const connected = await subscribed();
  await connected.next('LAUNCH');
  await connected.update(id, 'TASK_RUNNING');
  master.acknowledge(await lastStatus(id, 'TASK_RUNNING'));
  return connected;
};
const exited = async (): Promise<unknown> => {
  await waitUntil(() => master.exits.length > 0, { what: 'the executor to be over' });
  return master.exits[0];
};

describe('a custom executor', () => {
  it('runs in a container of its own, with what it is and what it needs to find its agent', async () => {
    runTask('a');
    await launched();
    expect(containerizer.configs[0]).toMatchObject({
      command: { value: 'run-tasks', user: 'root' },
      container: executor.container,
      resources: [
        { name: 'cpus', scalar: { value: 0.6 } },
        { name: 'mem', scalar: { value: 96 } },
      ],
      user: 'root',
    });
    const { executorEnvironment, isAnnounced } = containerizer.options[0] ?? {};
    expect(isAnnounced).toBe(false);
    expect(executorEnvironment).toMatchObject({
      MESOS_FRAMEWORK_ID: 'F',
      MESOS_EXECUTOR_ID: 'e',
      MESOS_SLAVE_ID: 'S0',
      MESOS_AGENT_ENDPOINT: world.address,
      MESOS_DIRECTORY: world.agent.activeRuns[0]?.sandbox,
      MESOS_CHECKPOINT: '1',
      MESOS_RECOVERY_TIMEOUT: '15mins',
      MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '1mins',
    });
  });

  it('gets what is queued for it when it subscribes, in order, and what comes later at once', async () => {
    runTask('a');
    runGroup('b', 'c');
    await launched();
    await waitUntil(() => world.agent.activeRuns[0]?.tasks.length === 3, { what: 'the tasks to be queued' });
    expect(world.agent.activeRuns[0]?.tasks.every(({ isQueued }) => isQueued)).toBe(true);
    const connected = await subscribed();
    await connected.next('LAUNCH_GROUP');
    runTask('d');
    await waitUntil(() => connected.events.length === 4, { what: 'the later task' });
    expect(connected.events[0]).toMatchObject({
      type: 'SUBSCRIBED',
      subscribed: {
        executor_info: { executor_id: { value: 'e' }, framework_id: { value: 'F' }, command: { value: 'run-tasks' } },
        framework_info: { name: 'f' },
        agent_info: { id: { value: 'S0' }, hostname: 'h' },
        container_id: containerizer.ids[0],
      },
    });
    expect(connected.events.slice(1)).toMatchObject([
      { type: 'LAUNCH', launch: { task: { task_id: { value: 'a' } } } },
      {
        type: 'LAUNCH_GROUP',
        launch_group: { task_group: { tasks: [{ task_id: { value: 'b' } }, { task_id: { value: 'c' } }] } },
      },
      { type: 'LAUNCH', launch: { task: { task_id: { value: 'd' } } } },
    ]);
    expect(containerizer.containers).toHaveLength(1);
    // The executor's and those of four tasks.
    expect(containerizer.limits.at(-1)).toMatchObject([{ scalar: { value: 0.9 } }, { scalar: { value: 192 } }]);
  });

  it('tells of its tasks, and hears that each update is written down; one that comes again is not told again', async () => {
    const connected = await running('a');
    const status = await connected.update('a', 'TASK_FINISHED', { message: 'done', data: Buffer.from('x') });
    expect(await lastStatus('a', 'TASK_FINISHED')).toMatchObject({
      ...status,
      source: 'SOURCE_EXECUTOR',
      agent_id: { value: 'S0' },
      executor_id: { value: 'e' },
      container_status: { container_id: containerizer.ids[0], executor_pid: 4242 },
    });
    await connected.send(status);
    await waitUntil(() => connected.acknowledgements.length === 3, { what: 'three acknowledgements' });
    expect(connected.acknowledgements.slice(1)).toEqual([status.uuid, status.uuid].map((uuid) => Buffer.from(uuid)));
    expect(statesOf('a')).toEqual(['TASK_RUNNING', 'TASK_FINISHED']);
    // Of no task, and of one that has ended: noted, so that they are not sent again.
    await connected.update('unknown', 'TASK_RUNNING');
    await connected.update('a', 'TASK_FAILED');
    await waitUntil(() => connected.acknowledgements.length === 5, { what: 'the acknowledgement of both' });
    expect(master.statuses).toHaveLength(2);
  });

  it('is told to wait when its framework acknowledges nothing', async () => {
    runTask('a');
    await launched();
    const connected = await subscribed();
    const data = Buffer.alloc(9 * 1024 * 1024);
    await connected.update('a', 'TASK_RUNNING', { data });
    await connected.update('a', 'TASK_RUNNING', { data });
    await expect(connected.update('a', 'TASK_RUNNING')).rejects.toMatchObject({ status: 503 });
  });

  it('goes on when its tasks have ended, and the framework hears how it exits', async () => {
    const connected = await running('a');
    await connected.update('a', 'TASK_FINISHED');
    master.acknowledge(await lastStatus('a', 'TASK_FINISHED'));
    runTask('b');
    await waitUntil(() => connected.events.filter(({ type }) => type === 'LAUNCH').length === 2, { what: 'the next' });
    await connected.update('b', 'TASK_FINISHED');
    master.acknowledge(await lastStatus('b', 'TASK_FINISHED'));
    expect(world.agent.frameworks).toHaveLength(1);
    containerizer.containers[0]?.end(3);
    expect(await exited()).toEqual({ framework_id: { value: 'F' }, executor_id: { value: 'e' }, status: 768 });
    await waitUntil(() => world.agent.frameworks.length === 0, { what: 'the framework to be completed' });
  });

  it('takes its living tasks with it when it exits', async () => {
    const connected = await running('a');
    runTask('b');
    await waitUntil(() => connected.events.filter(({ type }) => type === 'LAUNCH').length === 2, { what: 'the next' });
    containerizer.containers[0]?.end(1);
    for (const id of ['a', 'b']) {
      expect(await lastStatus(id, 'TASK_FAILED')).toMatchObject({
        source: 'SOURCE_AGENT',
        reason: 'REASON_EXECUTOR_TERMINATED',
        message: 'Executor terminated',
      });
    }
    expect(await exited()).toMatchObject({ status: 256 });
    expect(containerizer.destroyed).toEqual(containerizer.ids);
  });

  it('never hears of tasks that are killed before it subscribes, and ends with the last of them', async () => {
    runTask('a');
    runGroup('b', 'c');
    await launched();
    master.killTask('b');
    await lastStatus('c', 'TASK_KILLED');
    expect(containerizer.destroyed).toEqual([]);
    master.killTask('a');
    expect(await lastStatus('a', 'TASK_KILLED')).toMatchObject({
      reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
      message: 'Killed before delivery to the executor',
    });
    expect(await exited()).toMatchObject({ executor_id: { value: 'e' } });
  });

  it('is told of a kill with each subscription until the task has ended', async () => {
    const connected = await running('a');
    const kill = {
      framework_id: { value: 'F' },
      task_id: { value: 'a' },
      kill_policy: { grace_period: { nanoseconds: 5 } },
    };
    master.send({ type: 'KILL_TASK', kill_task: kill });
    const event = await connected.next('KILL');
    expect(event.kill).toEqual({ task_id: { value: 'a' }, kill_policy: { grace_period: { nanoseconds: 5 } } });
    const again = await subscribed();
    await again.next('KILL');
    await connected.ended();
    await again.update('a', 'TASK_KILLED');
    const third = await subscribed();
    runTask('b');
    await third.next('LAUNCH');
    expect(third.events.map(({ type }) => type)).toEqual(['SUBSCRIBED', 'LAUNCH']);
  });

  it('exchanges messages with its framework, in order', async () => {
    const connected = await running('a');
    for (const text of ['1', '2', '3']) {
      const message = { framework_id: { value: 'F' }, executor_id: { value: 'e' }, data: Buffer.from(text) };
      master.send({ type: 'MESSAGE', message });
    }
    await waitUntil(() => connected.messages.length === 3, { what: 'the messages' });
    expect(connected.messages).toEqual(['1', '2', '3']);
    await Promise.all(['4', '5', '6'].map(async (text) => await connected.say(text)));
    expect(master.messages).toHaveLength(3);
  });

  it('that does not subscribe in time is given up', async () => {
    await stack.disposeAsync();
    stack = new AsyncDisposableStack();
    world = stack.use(await startScriptedWorld({ executorRegistrationTimeoutMs: 50 }));
    ({ master, containerizer } = world);
    runTask('a');
    expect(await lastStatus('a', 'TASK_FAILED')).toMatchObject({
      reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
      message: 'Executor did not register within 50ms',
    });
    await exited();
  });

  it('that cannot be launched takes its tasks with it', async () => {
    containerizer.launch = async () => await Promise.reject(new Error('no volume'));
    runTask('a');
    expect(await lastStatus('a', 'TASK_FAILED')).toMatchObject({
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: 'Failed to launch container: no volume',
    });
    expect(await exited()).toMatchObject({ status: -1 });
  });

  it('whose container cannot grow is given up', async () => {
    const connected = await running('a');
    containerizer.update = async () => await Promise.reject(new Error('no room'));
    runTask('b');
    for (const id of ['a', 'b']) {
      expect(await lastStatus(id, 'TASK_FAILED')).toMatchObject({
        reason: 'REASON_CONTAINER_UPDATE_FAILED',
        message: 'Failed to update resources for container: no room',
      });
    }
    await connected.ended();
  });

  it('is shut down with its grace period, and takes no task meanwhile', async () => {
    const connected = await running('a');
    shutdown();
    await connected.next('SHUTDOWN');
    runTask('b');
    expect(await lastStatus('b', 'TASK_LOST')).toMatchObject({ reason: 'REASON_EXECUTOR_TERMINATED' });
    // SIGKILL, which ends a scripted container, comes after the executor's 20 ms; the agent's would be a minute.
    expect(await lastStatus('a', 'TASK_FAILED')).toMatchObject({ message: 'Executor terminated' });
    await exited();
    await connected.ended();
  });

  it('of a framework that is shut down is asked to go, and again if it subscribes', async () => {
    const connected = await running('a');
    const patient = { ...executor, shutdown_grace_period: { nanoseconds: 60e9 }, executor_id: { value: 'patient' } };
    const task = { ...aTask('p'), executor: patient };
    master.send({ type: 'RUN_TASK', run_task: { framework_info: framework, task } });
    await launched(2);
    master.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: { value: 'F' } } });
    await connected.next('SHUTDOWN');
    const late = await subscribed({ executorId: 'patient' });
    await late.ended();
    expect(late.events.map(({ type }) => type)).toEqual(['SHUTDOWN']);
    for (const container of containerizer.containers) container.end();
    await waitUntil(() => world.agent.activeRuns.length === 0, { what: 'everything to be cleaned up' });
    expect(statesOf('a')).toEqual(['TASK_RUNNING']);
  });
});

describe('a custom executor of an earlier agent', () => {
  it('subscribes with what it knows: what nobody has told is told, and what it does not know is lost', async () => {
    const connected = await running('a');
    runTask('unheard');
    runTask('known');
    await waitUntil(() => connected.events.filter(({ type }) => type === 'LAUNCH').length === 3, { what: 'all tasks' });
    const { address } = await world.restart();
    const finished = ScriptedExecutor.status('a', 'TASK_FINISHED');
    const options = { unacknowledgedUpdates: [finished], unacknowledgedTasks: [aTask('known')] };
    await using again = await ScriptedExecutor.connect(address, options);
    expect(await lastStatus('unheard', 'TASK_LOST')).toMatchObject({
      reason: 'REASON_AGENT_RESTARTED',
      message: 'Task launched during agent restart',
    });
    await waitUntil(() => again.acknowledgements.length === 1, { what: 'the acknowledgement' });
    master.acknowledge(await lastStatus('a', 'TASK_FINISHED'));
    await again.send(finished);
    await waitUntil(() => again.acknowledgements.length === 2, { what: 'the acknowledgement of what came again' });
    expect(statesOf('a')).toEqual(['TASK_RUNNING', 'TASK_FINISHED']);
    await again.update('known', 'TASK_RUNNING');
    await lastStatus('known', 'TASK_RUNNING');
  });

  it('that had ended is not there any more: its resources are free, and it can be launched again', async () => {
    const going = await running('a');
    const other = { ...executor, executor_id: { value: 'other' } };
    const task = { ...aTask('o'), executor: other };
    master.send({ type: 'RUN_TASK', run_task: { framework_info: framework, task } });
    await launched(2);
    await going.update('a', 'TASK_FINISHED');
    master.acknowledge(await lastStatus('a', 'TASK_FINISHED'));
    containerizer.containers[0]?.end();
    await exited();
    const { agent, address } = await world.restart();
    expect(agent.frameworks.flatMap(({ runs }) => [...runs.keys()])).toEqual(['other']);
    runTask('b');
    await launched(3);
    await using again = await ScriptedExecutor.connect(address);
    expect(await again.next('LAUNCH')).toMatchObject({ launch: { task: { task_id: { value: 'b' } } } });
  });

  it('that had been launched again is the newer one', async () => {
    const first = await running('a');
    await first.update('a', 'TASK_FINISHED');
    master.acknowledge(await lastStatus('a', 'TASK_FINISHED'));
    containerizer.containers[0]?.end();
    await exited();
    runTask('b');
    await launched(2);
    const second = await subscribed();
    await second.next('LAUNCH');
    const { agent, address } = await world.restart();
    await using again = await ScriptedExecutor.connect(address, { unacknowledgedTasks: [aTask('b')] });
    expect((await again.next('SUBSCRIBED')).subscribed?.container_id).toEqual(containerizer.ids[1]);
    expect(agent.frameworks[0]?.completed.map(({ containerId }) => containerId)).toEqual([containerizer.ids[0]]);
  });

  it('that does not come back is ended, and its tasks with it', async () => {
    await running('a');
    await world.restart();
    expect(await lastStatus('a', 'TASK_FAILED')).toMatchObject({
      source: 'SOURCE_AGENT',
      reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
      message: 'Executor did not reregister within 2secs',
    });
    expect(await exited()).toMatchObject({ executor_id: { value: 'e' } });
  });
});
