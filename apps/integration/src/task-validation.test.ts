import { readFileSync } from 'node:fs';
import type { LocalCluster } from '@drydock/cluster';
import type { ContentType, Resource, Volume } from '@drydock/mesos';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchAll, type LaunchTask } from './testing/launch-all.ts';
import { assertNothingLeft, startTestCluster } from './testing/test-cluster.ts';

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);

/** For each field that is refused a task that sets it. `bytes` are base64 there, which is what JSON needs. */
const REFUSED = JSON.parse(
  readFileSync(new URL('../../../fixtures/tasks/refused-fields.json', import.meta.url), 'utf8'),
) as Record<string, Partial<LaunchTask>>;

const scalar = (name: string, value: number): Resource => ({ name, type: 'SCALAR', scalar: { value } });
const aTask = (id: string, fields: Partial<LaunchTask> = {}): LaunchTask => ({
  name: id,
  task_id: { value: id },
  resources: [scalar('cpus', 0.1), scalar('mem', 32)],
  ...(fields.executor === undefined ? { command: { value: 'true' } } : {}),
  ...fields,
});
const withVolume = (volume: Partial<Volume>): Partial<LaunchTask> => ({
  container: { type: 'MESOS', volumes: [{ mode: 'RW', container_path: 'v', ...volume }] },
});

const INVALID_VOLUME = "Task's `ContainerInfo` is invalid: Invalid volume: ";
/** By message; a task's id is what the message needs, or its place. */
const INVALID: readonly (readonly [message: string, task: LaunchTask])[] = [
  ['ID must not be empty', aTask('')],
  ['ID must not be greater than 255 characters', aTask('x'.repeat(256))],
  ["'..' is disallowed", aTask('..')],
  ["'a/b' contains invalid characters", aTask('a/b')],
  ['Task uses no resources', aTask('no-resources', { resources: [] })],
  [
    'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
    { name: 'neither', task_id: { value: 'neither' }, resources: [scalar('cpus', 0.1)] },
  ],
  [
    'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present',
    aTask('both', { command: { value: 'true' }, executor: { executor_id: { value: 'e' }, command: {} } }),
  ],
  [
    "Task uses invalid resources: Invalid resources: Resource 'cpus:-1' is invalid: Invalid scalar resource: value < 0",
    aTask('negative', { resources: [scalar('cpus', -1)] }),
  ],
  [
    `${INVALID_VOLUME}'source.docker_volume' is not set for DOCKER_VOLUME volume`,
    aTask('no-docker-volume', withVolume({ source: { type: 'DOCKER_VOLUME' } })),
  ],
  [
    `${INVALID_VOLUME}'source.type' is unknown`,
    aTask('no-type', withVolume({ source: { docker_volume: { name: 'v' } } })),
  ],
  [
    `${INVALID_VOLUME}Only one of them should be set: 'host_path', 'image' and 'source'`,
    aTask(
      'two-sources',
      withVolume({ host_path: '/h', source: { type: 'DOCKER_VOLUME', docker_volume: { name: 'v' } } }),
    ),
  ],
  [
    "Task's 'kill_policy.grace_period' must be non-negative",
    aTask('grace', { kill_policy: { grace_period: { nanoseconds: -1 } } }),
  ],
];

describe('a task through the scheduler API', { tags: ['root'] }, () => {
  it.each<ContentType>(['application/json', 'application/x-protobuf'])(
    'gets TASK_ERROR with the reason, or the name of the field that is not implemented (%s)',
    async (contentType) => {
      const wrongAgent = aTask('wrong-agent', { agent_id: { value: 'X' } });
      const good = aTask('good', {
        labels: { labels: [{ key: 'a', value: 'b' }] },
        discovery: { visibility: 'CLUSTER', name: 'web' },
        data: Buffer.from('data'),
      });
      const tooLarge = aTask('too-large', { resources: [scalar('cpus', 100_000)] });
      const refused = Object.entries(REFUSED).map(([field, fields]) => aTask(field, decodeBytes(fields)));
      const tasks = [good, ...INVALID.map(([, task]) => task), wrongAgent, tooLarge, ...refused];
      const ended = await launchAll(cluster.master, tasks, { contentType, again: [aTask('stale')] });
      const statuses = new Map(ended.map((status) => [status.task_id.value, status]));
      const messages = Object.fromEntries([...statuses].map(([id, { message }]) => [id, message]));
      const errors = ended.filter(({ state }) => state === 'TASK_ERROR');
      expect(errors).toHaveLength(tasks.length - 1);
      for (const { source, reason, uuid } of errors) {
        expect({ source, reason, uuid }).toEqual({
          source: 'SOURCE_MASTER',
          reason: 'REASON_TASK_INVALID',
          uuid: undefined,
        });
      }
      for (const [message, { task_id }] of INVALID) expect(messages[task_id.value]).toBe(message);
      for (const field of Object.keys(REFUSED)) expect(messages[field]).toBe(`Task's \`${field}\` is not supported`);
      expect(messages['wrong-agent']).toMatch(/^Task uses invalid agent X while agent \S+-S0 is expected$/);
      expect(messages['too-large']).toMatch(
        /^Total resources cpus:100000 required by task and its executor is more than available cpus:/,
      );
      expect(statuses.get('stale')).toMatchObject({ state: 'TASK_DROPPED', reason: 'REASON_INVALID_OFFERS' });
      expect(messages['stale']).toMatch(/^Task launched with invalid offers: Offer \S+-O\d+ is no longer valid$/);
      expect(statuses.get('good')?.state).toBe('TASK_FINISHED');
      expect(await taskState('good')).toMatchObject({
        labels: [{ key: 'a', value: 'b' }],
        discovery: { visibility: 'CLUSTER', name: 'web' },
      });
      await assertNothingLeft(cluster);
    },
  );

  it('has an id once per framework', async () => {
    const ended = await launchAll(cluster.master, [aTask('twin'), aTask('twin')], { contentType: 'application/json' });
    expect(ended.map(({ state, message }) => [state, message])).toEqual([
      ['TASK_ERROR', 'Task has duplicate ID: twin'],
      ['TASK_FINISHED', 'Command exited with status 0'],
    ]);
    const twice = await cluster.execute({ command: 'true', name: 'twin' });
    expect(twice.states.at(-1), 'another framework').toBe('TASK_FINISHED');
    await assertNothingLeft(cluster);
  });
});

describe('mesos-execute sends what the agent cannot do, and the master names it:', { tags: ['root'] }, () => {
  it.each([
    ['--networks=net1,net2', 'ContainerInfo.network_infos'],
    ['--tty', 'ContainerInfo.tty_info'],
    ['--rlimits={"rlimits":[{"type":"RLMT_CPU","soft":"1","hard":"1"}]}', 'ContainerInfo.rlimit_info'],
    ['--effective_capabilities={"capabilities":["NET_RAW"]}', 'ContainerInfo.linux_info'],
    ['--bounding_capabilities={"capabilities":["NET_RAW"]}', 'ContainerInfo.linux_info'],
    ['--containerizer=docker', 'ContainerInfo.docker'],
  ])('%s', async (flag, field) => {
    const task = await cluster.execute({ command: 'true', flags: [flag] });
    expect(task.states).toEqual(['TASK_ERROR']);
    expect(task.message).toContain(`Task's \`${field}\` is not supported`);
    expect(task.result.exitCode).toBe(0);
  });

  it('--appc_image', async () => {
    const task = await cluster.execute({ command: 'true', image: null, flags: ['--appc_image=i'] });
    expect(task.states).toEqual(['TASK_ERROR']);
    expect(task.message).toContain("Task's `Image.appc` is not supported");
  });
});

describe('a role', { tags: ['root'] }, () => {
  it("gets its own resources first and then everybody's", async () => {
    const agentFlags = ['--resources=cpus(dev):1;cpus:1;mem(dev):64;mem:512'];
    await using own = await startTestCluster({ agentFlags });
    const flags = ['--role=dev', '--resources=cpus:1.5;mem:32'];
    const task = await own.execute({ command: 'true', image: null, flags });
    expect(task.states.at(-1)).toBe('TASK_FINISHED');
    // More than there is without the role: only what it asks for differs.
    const statuses = await launchAll(own.master, [aTask('greedy', { resources: [scalar('cpus', 1.5)] })], {
      contentType: 'application/json',
    });
    expect(statuses[0]?.message).toMatch(
      /^Total resources cpus:1\.5 required by task .* more than available cpus:1; mem:512/,
    );
    await assertNothingLeft(own);
  });
});

/** The fields whose JSON is base64 as the bytes that they are. */
function decodeBytes(fields: Partial<LaunchTask>): Partial<LaunchTask> {
  const docker = fields.container?.mesos?.image?.docker;
  if (docker?.config?.value !== undefined) docker.config.value.data = Buffer.from('{}');
  return fields;
}

/** As the master shows it. */
async function taskState(id: string): Promise<unknown> {
  const response = await fetch(`http://${cluster.master}/tasks`);
  const { tasks } = (await response.json()) as { tasks: { id: string }[] };
  return tasks.find((task) => task.id === id);
}
