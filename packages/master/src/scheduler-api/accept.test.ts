import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';

let stack: AsyncDisposableStack;
let served: ServedMaster;
let framework: ScriptedFramework;
let agent: ScriptedAgent;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  served = stack.use(await serveMaster());
  framework = stack.use(await ScriptedFramework.subscribe(served.address));
  agent = stack.use(await ScriptedAgent.register(served.address));
});
afterEach(async () => {
  await stack.disposeAsync();
});

type Json = Record<string, unknown>;
const cpus = (value: number, rest: Json = {}): Json => ({ name: 'cpus', type: 'SCALAR', scalar: { value }, ...rest });

function aTask(changes: Json = {}): Json {
  return {
    name: 't',
    task_id: { value: 't' },
    agent_id: { value: agent.id },
    command: { value: 'true' },
    resources: [cpus(1)],
    ...changes,
  };
}

const volume = (changes: Json): Json => ({
  type: 'MESOS',
  volumes: [{ mode: 'RW', container_path: '/v', ...changes }],
});
const anOfferId = async (): Promise<Json> => (await framework.next('OFFERS')).offers.offers[0].id;
const launchOf = (...tasks: Json[]): Json => ({ type: 'LAUNCH', launch: { task_infos: tasks } });
const accept = async (offerIds: Json[], ...operations: Json[]): Promise<unknown> =>
  await framework.call({ type: 'ACCEPT', accept: { offer_ids: offerIds, operations } });

describe('a launch is refused with TASK_ERROR to', () => {
  const IN_VOLUME = "Task's `ContainerInfo` is invalid: Invalid volume: ";
  it.each<[string, () => Json, string]>([
    ['an empty id', () => ({ task_id: { value: '' } }), 'ID must not be empty'],
    ['an id with a slash', () => ({ task_id: { value: 'a/b' } }), "'a/b' contains invalid characters"],
    ['..', () => ({ task_id: { value: '..' } }), "'..' is disallowed"],
    ['another agent', () => ({ agent_id: { value: 'X' } }), 'Task uses invalid agent X while agent AGENT is expected'],
    [
      'neither command nor executor',
      () => ({ command: undefined }),
      'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
    ],
    [
      'command and executor',
      () => ({ executor: { executor_id: { value: 'e' }, command: { value: 'x' } } }),
      'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
    ],
    ['no resources', () => ({ resources: [] }), 'Task uses no resources'],
    [
      'more than is offered',
      () => ({ resources: [cpus(100)] }),
      'Total resources cpus:100 required by task and its executor is more than available cpus:4; mem:1024',
    ],
    [
      'a volume without its driver',
      () => ({ container: volume({ source: { type: 'DOCKER_VOLUME' } }) }),
      `${IN_VOLUME}'source.docker_volume' is not set for DOCKER_VOLUME volume`,
    ],
    [
      'a volume of an unknown source',
      () => ({ container: volume({ source: { type: 'UNKNOWN' } }) }),
      `${IN_VOLUME}'source.type' is unknown`,
    ],
    [
      'a volume of several sources',
      () => ({ container: volume({ host_path: '/x', source: { type: 'HOST_PATH', host_path: { path: '/x' } } }) }),
      `${IN_VOLUME}Only one of them should be set: 'host_path', 'image' and 'source'`,
    ],
    [
      'resources of another allocation',
      () => ({ resources: [cpus(1, { allocation_info: { role: 'other' } })] }),
      "The resources have multiple allocation roles ('other' and '*') but only one allocation role is allowed",
    ],
  ])('%s', async (_, changes, message) => {
    const task = aTask(changes());
    await accept([await anOfferId()], launchOf(task));
    const update = (await framework.next('UPDATE')).update.status;
    expect(update).toMatchObject({
      task_id: task['task_id'],
      state: 'TASK_ERROR',
      source: 'SOURCE_MASTER',
      reason: 'REASON_TASK_INVALID',
      message: message.replace('AGENT', agent.id),
    });
    expect(update).not.toHaveProperty('uuid');
    expect(agent.events.filter(({ type }) => type === 'RUN_TASK')).toEqual([]);
    expect(served.master.counters.get('tasks_error')).toBe(1);
  });

  it('an id that is running', async () => {
    await accept([await anOfferId()], launchOf(aTask(), aTask()));
    expect((await framework.status('t', 'TASK_ERROR')).message).toBe('Task has duplicate ID: t');
  });

  it.each(['LAUNCH', 'LAUNCH_GROUP'])('a %s that wants feedback', async (type) => {
    const executor = { executor_id: { value: 'e' }, type: 'DEFAULT' };
    const launchGroup = { executor, task_group: { tasks: [aTask()] } };
    const body = type === 'LAUNCH' ? { launch: { task_infos: [aTask()] } } : { launch_group: launchGroup };
    await accept([await anOfferId()], { type, id: { value: 'op' }, ...body });
    expect((await framework.next('UPDATE')).update.status).toMatchObject({
      state: 'TASK_ERROR',
      message: `The \`id\` field cannot be set on ${type} operations`,
    });
  });
});

describe('a launch with offers that are not valid', () => {
  it.each([
    [[], 'No offers specified'],
    [['gone'], 'Offer gone is no longer valid'],
    [['O', 'O'], 'Duplicate offer O in offer list'],
  ])('%j is lost', async (ids, why) => {
    await accept(
      ids.map((value) => ({ value })),
      launchOf(aTask()),
    );
    expect(await framework.status('t', 'TASK_LOST')).toMatchObject({
      source: 'SOURCE_MASTER',
      reason: 'REASON_INVALID_OFFERS',
      message: `Task launched with invalid offers: ${why}`,
    });
    expect(served.master.counters.get('tasks_lost')).toBe(1);
  });

  it('is lost, however many they are', async () => {
    const ids = Array.from({ length: 100_000 }, (_, index) => ({ value: `O${index}` }));
    await accept([...ids, { value: 'O7' }], launchOf(aTask()));
    expect((await framework.status('t', 'TASK_LOST')).message).toBe(
      'Task launched with invalid offers: Duplicate offer O7 in offer list',
    );
  });

  it('is dropped for a framework with PARTITION_AWARE, and its offers are free again', async () => {
    const other = stack.use(
      await ScriptedFramework.subscribe(served.address, { capabilities: [{ type: 'PARTITION_AWARE' }] }),
    );
    const offerId = await anOfferId();
    const operations = [launchOf(aTask())];
    await other.call({ type: 'ACCEPT', accept: { offer_ids: [offerId], operations } });
    expect((await other.status('t', 'TASK_DROPPED')).message).toBe(
      `Task launched with invalid offers: Offer ${String(offerId['value'])} has invalid framework ${framework.id.value} while framework ${other.id.value} is expected`,
    );
    // It is still the first one's.
    await accept([offerId], launchOf(aTask()));
    await agent.told('RUN_TASK');
  });

  it('of two agents is lost', async () => {
    const [first] = (await framework.next('OFFERS')).offers.offers;
    const seen = framework.events.length;
    stack.use(await ScriptedAgent.register(served.address));
    const [second] = (await framework.next('OFFERS', seen)).offers.offers;
    await accept([first.id, second.id], launchOf(aTask()));
    expect((await framework.status('t', 'TASK_LOST')).message).toBe(
      `Task launched with invalid offers: Aggregated offers must belong to one single agent. Offer ${second.id.value} uses agent ${second.agent_id.value} and agent ${first.agent_id.value}`,
    );
  });
});

describe('an operation that is not supported', () => {
  it.each([
    ['with an offer that is not valid', [{ value: 'gone' }], /^Operation attempted with invalid offers: Offer gone/],
    ['with a valid offer', undefined, /does not have the required RESOURCE_PROVIDER capability$/],
  ])('%s is answered with OPERATION_ERROR where it has an id', async (_, ids, message) => {
    const operation = { type: 'RESERVE', id: { value: 'op' }, reserve: { resources: [cpus(1)] } };
    await accept(ids ?? [await anOfferId()], { ...operation, id: undefined }, operation);
    const { status } = (await framework.next('UPDATE_OPERATION_STATUS')).update_operation_status;
    expect(status).toEqual({
      state: 'OPERATION_ERROR',
      operation_id: { value: 'op' },
      message: expect.stringMatching(message),
    });
    expect(framework.events.filter(({ type }) => type === 'UPDATE_OPERATION_STATUS')).toHaveLength(1);
  });
});
