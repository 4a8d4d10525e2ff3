import { readFile } from 'node:fs/promises';
import { waitUntil } from '@drydock/base/wait-until';
import type { ExecutedTask, LocalCluster } from '@drydock/cluster';
import type { AgentContainer, AgentResponse, ContainerID } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertNothingLeft, aVolume, type TestDriver } from './testing/test-cluster.ts';
import { VolumeWorld } from './testing/volume-world.ts';

let world: VolumeWorld;
let cluster: LocalCluster;
let driver: TestDriver;
let ending: AbortController;
let task: Promise<ExecutedTask>;
/** Of the task. */
let parent: ContainerID;
beforeEach(async () => {
  world = await VolumeWorld.start();
  ({ cluster, driver } = world);
  ending = new AbortController();
  task = cluster.execute({
    command: 'touch data/parent; until [ -e data/end ]; do sleep 0.05; done',
    volumes: JSON.stringify([world.volumeAt('data')]),
    flags: ['--checkpoint', '--resources=cpus:0.1;mem:32'],
    signal: ending.signal,
  });
  await world.appeared('parent');
  const [own] = await containers();
  if (own === undefined) throw new Error('The agent has the container of the task');
  parent = own.container_id;
}, 60_000);
afterEach(async () => {
  ending.abort();
  await task;
  await world[Symbol.asyncDispose]();
}, 60_000);

const tags = ['root'];
const post = async (type: string, body: object): Promise<{ readonly status: number; readonly text: string }> => {
  const call = JSON.stringify({ type, [type.toLowerCase()]: body });
  const response = await fetch(`http://${world.agent.address}/api/v1`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: call,
  });
  return { status: response.status, text: await response.text() };
};
const ask = async (type: string, body: object): Promise<AgentResponse> =>
  JSON.parse((await post(type, body)).text) as AgentResponse;
const containers = async (which: object = {}): Promise<readonly AgentContainer[]> =>
  (await ask('GET_CONTAINERS', which)).get_containers?.containers ?? [];
const exitStatusOf = async (value: string): Promise<number | undefined> =>
  (await ask('WAIT_NESTED_CONTAINER', child(value))).wait_nested_container?.exit_status;
const child = (value: string): { container_id: object } => ({ container_id: { value, parent } });
const launch = async (value: string, command: string): Promise<{ readonly status: number; readonly text: string }> =>
  await post('LAUNCH_NESTED_CONTAINER', {
    ...child(value),
    command: { value: command },
    container: { type: 'MESOS', volumes: [world.volumeAt('data')] },
  });

describe('a container that is nested over the API', { tags, timeout: 120_000 }, () => {
  it('may hold the volume of its parent, is awaited, and removed when it has ended', async () => {
    expect(await launch('c1', 'ls data; touch data/child; exit 3')).toEqual({ status: 200, text: '' });
    expect(await ask('WAIT_NESTED_CONTAINER', child('c1'))).toEqual({
      type: 'WAIT_NESTED_CONTAINER',
      wait_nested_container: { exit_status: 3 * 256 },
    });
    expect(await world.has('child')).toBe(true);
    const find = ['find', cluster.directory, '-path', `*nested/${parent.value}.c1/stdout`];
    const stdout = (await cluster.exec(find)).stdout.trim();
    expect((await readFile(stdout, 'utf8')).split('\n')).toEqual(expect.arrayContaining(['parent']));

    await waitUntil(async () => (await post('REMOVE_NESTED_CONTAINER', child('c1'))).status === 200, {
      what: 'the container to be removed',
    });
    expect(await post('WAIT_NESTED_CONTAINER', child('c1'))).toMatchObject({ status: 404 });
    expect((await cluster.exec(find)).stdout).toBe('');
    await world.touch('end');
    expect((await task).states.at(-1)).toBe('TASK_FINISHED');
    await assertNothingLeft(cluster);
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(1);
  });

  it('is launched once, listed, killed with the signal that is asked for, and not removed while it runs', async () => {
    expect((await launch('c1', 'trap "" TERM; while :; do sleep 0.05; done')).status).toBe(200);
    expect((await launch('c1', 'true')).status).toBe(202);
    expect(await containers()).toHaveLength(1);
    expect((await containers({ show_nested: true }))[1]).toMatchObject(child('c1'));
    expect(await post('REMOVE_NESTED_CONTAINER', child('c1'))).toEqual({
      status: 500,
      text: 'Nested container has not terminated yet',
    });
    expect((await post('KILL_NESTED_CONTAINER', { ...child('c1'), signal: 15 })).status).toBe(200);
    expect((await post('KILL_NESTED_CONTAINER', child('c1'))).status).toBe(200);
    expect(await ask('WAIT_NESTED_CONTAINER', child('c1'))).toMatchObject({
      wait_nested_container: { exit_status: 9 },
    });
  });

  it('ends with its parent', async () => {
    expect((await launch('c1', 'exec sleep 3600')).status).toBe(200);
    await world.touch('end');
    expect((await task).states.at(-1)).toBe('TASK_FINISHED');
    await assertNothingLeft(cluster);
  });

  it('goes on with its parent when the agent is killed and started again', async () => {
    expect((await launch('c1', 'touch data/c1; until [ -e data/end-c1 ]; do sleep 0.05; done; exit 7')).status).toBe(
      200,
    );
    expect((await launch('c2', 'exit 5')).status).toBe(200);
    expect(await exitStatusOf('c2')).toBe(5 * 256);
    await world.killAgent();
    await cluster.restartAgent(world.agent);
    expect(await exitStatusOf('c2')).toBe(5 * 256);
    await world.touch('end-c1');
    expect(await exitStatusOf('c1')).toBe(7 * 256);
    await world.touch('end');
    expect((await task).states.at(-1)).toBe('TASK_FINISHED');
    await assertNothingLeft(cluster);
  });

  it('is refused when nobody could give it what it asks for', async () => {
    const refuse = async (body: object): Promise<object> =>
      await post('LAUNCH_NESTED_CONTAINER', { ...child('c1'), ...body });
    expect(await refuse({ command: { value: 'true', uris: [{ value: 'http://a/b' }] } })).toMatchObject({
      status: 400,
    });
    expect(
      await refuse({
        container: { type: 'MESOS', volumes: [aVolume({ driver: 'missing', path: 'data' })] },
        command: { value: 'true' },
      }),
    ).toMatchObject({ status: 400 });
    expect(
      await post('LAUNCH_NESTED_CONTAINER', { container_id: { value: 'c', parent: { value: '../x' } } }),
    ).toMatchObject({ status: 400 });
  });

  it('may stand alone', async () => {
    const id = { container_id: { value: 'alone' } };
    const launched = await post('LAUNCH_CONTAINER', { ...id, command: { value: 'exec sleep 3600' } });
    expect(launched).toEqual({ status: 200, text: '' });
    expect((await containers({ show_standalone: true }))[1]).toMatchObject(id);
    const waiting = ask('WAIT_CONTAINER', id);
    expect((await post('KILL_CONTAINER', id)).status).toBe(200);
    expect(await waiting).toEqual({ type: 'WAIT_CONTAINER', wait_container: { exit_status: 9 } });
    await waitUntil(async () => (await post('REMOVE_CONTAINER', id)).status === 200, { what: 'its removal' });
  });
});
