import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import type { LocalCluster } from '@drydock/cluster';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LastingFramework } from './testing/lasting-framework.ts';
import { assertNothingLeft, type TestDriver } from './testing/test-cluster.ts';
import { VolumeWorld } from './testing/volume-world.ts';

let world: VolumeWorld;
let cluster: LocalCluster;
let driver: TestDriver;
beforeEach(async () => {
  world = await VolumeWorld.start();
  ({ cluster, driver } = world);
}, 60_000);
afterEach(async () => {
  await world[Symbol.asyncDispose]();
}, 60_000);

const tags = ['root'];
const resources = [
  { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
  { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
];
const aTask = (id: string, command: string, user = 'root'): Record<string, unknown> => ({
  name: id,
  task_id: { value: id },
  resources,
  command: { value: command, user },
  container: { type: 'MESOS', volumes: [world.volumeAt('data')] },
});
interface GroupResult {
  /** By task. */
  readonly states: ReadonlyMap<string, readonly string[]>;
  readonly frameworkId: string;
}
const execute = async (tasks: readonly unknown[], flags: readonly string[] = []): Promise<GroupResult> => {
  const argv = [`--master=${cluster.master}`, `--task_group=${JSON.stringify({ tasks })}`, ...flags];
  const { stdout, exitCode, stderr } = await cluster.run('mesos-execute', argv);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const states = new Map<string, string[]>();
  for (const [, state = '', id = ''] of stdout.matchAll(/^Received status update (TASK_\w+) for task '(.*)'$/gm)) {
    states.set(id, [...(states.get(id) ?? []), state]);
  }
  return { states, frameworkId: /^Subscribed with ID (\S+)$/m.exec(stdout)?.[1] ?? '' };
};
describe('mesos-execute --task_group', { tags, timeout: 120_000 }, () => {
  it('runs tasks that share a volume, which is unmounted once; each has its own sandbox in that of the executor', async () => {
    const { states, frameworkId } = await execute([
      aTask('writer', 'echo shared >data/part && mv data/part data/file'),
      aTask('reader', 'until test -f data/file; do sleep 0.05; done; cat data/file'),
    ]);
    const all = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'];
    expect(Object.fromEntries(states)).toEqual({ writer: all, reader: all });
    await cluster.waitUntilIdle();
    const sandbox = await cluster.sandbox(frameworkId, 'default-executor');
    expect(await readFile(join(sandbox ?? '', 'tasks/reader/stdout'), 'utf8')).toBe('shared\n');
    await assertNothingLeft(cluster);
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((method) => method === 'VolumeDriver.Mount')).toHaveLength(2);
    expect(calls.filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(1);
  });

  it('kills the other tasks of the group when one fails', async () => {
    const { states } = await execute([
      aTask('failing', 'until test -e data/sleeping; do sleep 0.05; done; exit 3'),
      aTask('sleeping', 'touch data/sleeping; exec sleep 3600'),
    ]);
    expect(states.get('failing')?.at(-1)).toBe('TASK_FAILED');
    expect(states.get('sleeping')?.slice(-2)).toEqual(['TASK_KILLING', 'TASK_KILLED']);
    await assertNothingLeft(cluster);
  });

  it('goes on when the agent is killed and started again', async () => {
    const untilTold = (name: string): string => `touch data/begun-${name}; until test -e data/end; do sleep 0.05; done`;
    const result = execute([aTask('one', untilTold('one')), aTask('two', untilTold('two'))], ['--checkpoint']);
    await world.appeared('begun-one', 'begun-two');
    await world.killAgent();
    await cluster.restartAgent(world.agent);
    await world.touch('end');
    const { states } = await result;
    const all = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'];
    expect(Object.fromEntries(states)).toEqual({ one: all, two: all });
    await assertNothingLeft(cluster);
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(1);
  });

  it('runs the tasks of another user, who cannot write beside its sandbox', async () => {
    const probe = 'touch own && ! touch ../other && ! mv ../../stdout ../../moved && ! touch ../../x';
    const { states } = await execute([aTask('probing', probe, 'nobody')]);
    expect(states.get('probing')?.at(-1)).toBe('TASK_FINISHED');
    await assertNothingLeft(cluster);
  });
});

describe('the executor of a task group', { tags, timeout: 120_000 }, () => {
  it('holds its own volume until it exits, which its framework is told', async () => {
    await using framework = new LastingFramework(cluster.master);
    await framework.subscribe();
    const { slaves } = (await (await fetch(`http://${cluster.master}/state`)).json()) as { slaves: { id: string }[] };
    const agentId = slaves[0]?.id ?? '';
    const container = { type: 'MESOS', volumes: [world.volumeAt('data')] };
    const executor = { id: 'holder', container };
    const keeper = { name: 'keeper', command: { value: 'exec sleep 3600' } };
    await framework.launchGroup(agentId, executor, [keeper]);
    await framework.status('keeper', 'TASK_RUNNING');
    // A second group in the same executor, with a task that holds the volume for a moment.
    await framework.launchGroup(agentId, executor, [
      { name: 'user', command: { value: 'touch data/file' }, container },
    ]);
    await framework.status('user', 'TASK_FINISHED');
    await waitUntil(async () => (await cluster.exec(['ls', world.agent.checkpointDir])).stdout, {
      what: 'the executor to be the only holder',
      until: (names) => names.trim().split('\n').length === 1,
    });
    await framework.kill('keeper');
    await framework.status('keeper', 'TASK_KILLED');
    expect((await framework.next('FAILURE')).failure).toEqual({
      agent_id: { value: agentId },
      executor_id: { value: 'holder' },
      status: 0,
    });
    await framework.call({ type: 'TEARDOWN' });
    await assertNothingLeft(cluster);
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((method) => method === 'VolumeDriver.Mount')).toHaveLength(2);
    expect(calls.filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(1);
  });
});
