import { describe, expect, it } from 'vitest';
import protobuf from 'protobufjs';
import { taskInfoType } from '../codec/schema.ts';
import type { Resource, TaskInfo, Volume, VolumeSource } from '../v1.ts';
import { unimplementedFields } from './implemented-fields.ts';
import { validateTask } from './validate-task.ts';

const scalar = (name: string, value: number): Resource => ({ name, type: 'SCALAR', scalar: { value }, role: '*' });
const ports = (...pairs: readonly [number, number][]): Resource => ({
  name: 'ports',
  type: 'RANGES',
  ranges: { range: pairs.map(([begin, end]) => ({ begin, end })) },
});

const aTask = (fields: Partial<TaskInfo> = {}): TaskInfo => ({
  name: 'test',
  task_id: { value: 'test' },
  agent_id: { value: 'S0' },
  command: { value: 'true' },
  resources: [scalar('cpus', 1), scalar('mem', 128)],
  ...fields,
});

const withVolume = (volume: Partial<Volume>): TaskInfo =>
  aTask({ container: { type: 'MESOS', volumes: [{ mode: 'RW', container_path: '/v', ...volume }] } });
const withSource = (source: VolumeSource): TaskInfo => withVolume({ source });

const validate = (task: TaskInfo): string | undefined =>
  validateTask(task, {
    agentId: 'S0',
    offered: [scalar('cpus', 2), scalar('mem', 1024), ports([1, 10])],
    isKnownTaskId: (id) => id === 'running',
  });

const INVALID_VOLUME = "Task's `ContainerInfo` is invalid: Invalid volume: ";

describe('validateTask', () => {
  it('takes a task with everything that is implemented', () => {
    const task = aTask({
      command: {
        shell: false,
        value: '/bin/ls',
        arguments: ['ls'],
        user: 'nobody',
        environment: {
          variables: [
            { name: 'A', type: 'VALUE', value: '' },
            { name: 'B', value: 'b' },
          ],
        },
      },
      container: {
        type: 'MESOS',
        mesos: { image: { type: 'DOCKER', docker: { name: 'ubuntu:14.04' }, cached: false } },
        volumes: [
          {
            mode: 'RO',
            container_path: 'v',
            source: {
              type: 'DOCKER_VOLUME',
              docker_volume: {
                driver: 'convoy',
                name: 'v',
                driver_options: { parameter: [{ key: 'size', value: '1' }] },
              },
            },
          },
        ],
        network_infos: [],
      },
      resources: [scalar('cpus', 2), scalar('mem', 1024), ports([2, 3], [5, 5])],
      kill_policy: { grace_period: { nanoseconds: 0 } },
      labels: { labels: [{ key: 'a' }] },
      discovery: { visibility: 'CLUSTER', ports: { ports: [{ number: 80 }] } },
    });
    expect(validate(task)).toBeUndefined();
  });

  it.each<[string, Partial<TaskInfo>]>([
    ['ID must not be empty', { task_id: { value: '' } }],
    ['ID must not be greater than 255 characters', { task_id: { value: 'x'.repeat(256) } }],
    ["'.' is disallowed", { task_id: { value: '.' } }],
    ["'..' is disallowed", { task_id: { value: '..' } }],
    ["'a/b' contains invalid characters", { task_id: { value: 'a/b' } }],
    ["'a\\b' contains invalid characters", { task_id: { value: 'a\\b' } }],
    ["'a\u007f' contains invalid characters", { task_id: { value: 'a\u007f' } }],
    ["'a\n' contains invalid characters", { task_id: { value: 'a\n' } }],
    ['Task has duplicate ID: running', { task_id: { value: 'running' } }],
    ['Task uses invalid agent S1 while agent S0 is expected', { agent_id: { value: 'S1' } }],
    ["Task's 'kill_policy.grace_period' must be non-negative", { kill_policy: { grace_period: { nanoseconds: -1 } } }],
    [
      'Total resources cpus:2.001; mem:1 required by task and its executor is more than available cpus:2; mem:1024; ports:[1-10]',
      { resources: [scalar('cpus', 2.001), scalar('mem', 1)] },
    ],
    [
      'Total resources ports:[10-11] required by task and its executor is more than available cpus:2; mem:1024; ports:[1-10]',
      { resources: [ports([10, 11])] },
    ],
  ])('says %j', (message, fields) => {
    expect(validate(aTask(fields))).toBe(message);
  });

  it.each(['a', 'x'.repeat(255), '...', '.a', 'a b', 'ä', '-rf'])('takes the id %j', (value) => {
    expect(validate(aTask({ task_id: { value } }))).toBeUndefined();
  });

  it('wants a command or an executor, not both', () => {
    const why = 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
    const { command: _, ...bare } = aTask();
    expect(validate(bare)).toBe(why);
    expect(validate(aTask({ executor: { executor_id: { value: 'e' } } }))).toBe(why);
  });

  it.each<[string, Resource]>([
    ["'cpus:-1' is invalid: Invalid scalar resource: value < 0", scalar('cpus', -1)],
    ["'cpus:NaN' is invalid: Invalid scalar resource: value is not a finite number", scalar('cpus', Number.NaN)],
    ["'cpus:' is invalid: Invalid scalar resource", { name: 'cpus', type: 'SCALAR' }],
    ["':1' is invalid: Empty resource name", scalar('', 1)],
    ["'ports' is invalid: Invalid ranges resource", { name: 'ports', type: 'RANGES' }],
    ["'ports' is invalid: Invalid ranges resource: begin > end", ports([2, 1])],
    ["'ports:[1-3]' is invalid: Invalid ranges resource: overlapping ranges", ports([2, 3], [1, 2])],
    [
      "'d:{a}' is invalid: Invalid set resource: duplicated elements",
      { name: 'd', type: 'SET', set: { item: ['a', 'a'] } },
    ],
    ["'t' is invalid: Unsupported resource type", { name: 't', type: 'TEXT', scalar: { value: 0 } }],
  ])('Task uses invalid resources: Resource %s', (why, resource) => {
    expect(validate(aTask({ resources: [resource] }))).toBe(`Task uses invalid resources: Resource ${why}`);
  });

  it.each([undefined, []])('wants resources, got %j', (resources) => {
    expect(validate({ ...aTask(), resources: resources ?? [] })).toBe('Task uses no resources');
  });

  it.each<[string, TaskInfo]>([
    ["'source.docker_volume' is not set for DOCKER_VOLUME volume", withSource({ type: 'DOCKER_VOLUME' })],
    ["'source.host_path' is not set for HOST_PATH volume", withSource({ type: 'HOST_PATH' })],
    ["'source.sandbox_path' is not set for SANDBOX_PATH volume", withSource({ type: 'SANDBOX_PATH' })],
    ["'source.secret' is not set for SECRET volume", withSource({ type: 'SECRET' })],
    ["'source.type' is unknown", withSource({ docker_volume: { name: 'v' } })],
    ["'source.type' is unknown", withSource({ type: 'UNKNOWN' })],
    [
      "Only one of them should be set: 'host_path', 'image' and 'source'",
      withVolume({ host_path: '/h', source: { type: 'DOCKER_VOLUME', docker_volume: { name: 'v' } } }),
    ],
    [
      "Only one of them should be set: 'host_path', 'image' and 'source'",
      withVolume({ host_path: '/h', image: { type: 'DOCKER', docker: { name: 'i' } } }),
    ],
  ])('refuses a volume: %s', (why, task) => {
    expect(validate(task)).toBe(INVALID_VOLUME + why);
  });

  it.each([
    ["Environment variable of type 'UNKNOWN' is not allowed", { name: 'A', type: 'UNKNOWN' as const, value: 'a' }],
    ["Environment variable 'A' of type 'SECRET' must have a secret set", { name: 'A', type: 'SECRET' as const }],
    ["Environment variable 'A' of type 'VALUE' must have a value set", { name: 'A' }],
  ])('refuses the environment: %s', (why, variable) => {
    const task = aTask({ command: { environment: { variables: [variable] } } });
    expect(validate(task)).toBe(`Task's \`CommandInfo\` is invalid: ${why}`);
  });

  it.each<[string, Partial<TaskInfo>]>([
    ['`TaskInfo.health_check`', { health_check: {} }],
    ['`TaskInfo.check`', { check: {} }],
    ['`TaskInfo.data`', { data: Buffer.from('x') }],
    ['`TaskInfo.max_completion_time`', { max_completion_time: { nanoseconds: 1 } }],
    ['`TaskInfo.limits`', { limits: { cpus: { value: 1 } } }],
    ['`CommandInfo.uris`', { command: { uris: [{ value: 'http://h/x' }] } }],
    [
      '`Environment.Variable.secret`',
      { command: { environment: { variables: [{ name: 'A', type: 'SECRET', secret: {} }] } } },
    ],
    ['`ContainerInfo.hostname`', { container: { type: 'MESOS', hostname: 'h' } }],
    ['`ContainerInfo.network_infos`', { container: { type: 'MESOS', network_infos: [{}] } }],
    ['`ContainerInfo.linux_info`', { container: { type: 'MESOS', linux_info: {} } }],
    ['`ContainerInfo.rlimit_info`', { container: { type: 'MESOS', rlimit_info: {} } }],
    ['`ContainerInfo.tty_info`', { container: { type: 'MESOS', tty_info: {} } }],
    ['`Image.type` APPC', { container: { type: 'MESOS', mesos: { image: { type: 'APPC' } } } }],
    [
      '`Image.Docker.credential`',
      { container: { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: 'i', credential: {} } } } } },
    ],
    [
      '`Image.Docker.config`',
      { container: { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: 'i', config: {} } } } } },
    ],
    ['`Volume.host_path`', withVolume({ host_path: '/h' })],
    ['`Volume.image`', withVolume({ image: { type: 'DOCKER', docker: { name: 'i' } } })],
    ['`Volume.Source.host_path`', withSource({ type: 'HOST_PATH', host_path: { path: '/h' } })],
    ['`Volume.Source.sandbox_path`', withSource({ type: 'SANDBOX_PATH', sandbox_path: { path: 'p' } })],
    ['`Volume.Source.secret`', withSource({ type: 'SECRET', secret: {} })],
    ['`Volume.Source.csi_volume`', withSource({ type: 'CSI_VOLUME', csi_volume: {} })],
    ['`Resource.disk`', { resources: [{ ...scalar('disk', 1), disk: {} }] }],
    ['`Resource.revocable`', { resources: [{ ...scalar('cpus', 1), revocable: {} }] }],
    ['`Resource.shared`', { resources: [{ ...scalar('cpus', 1), shared: {} }] }],
    ['`Resource.reservations`', { resources: [{ ...scalar('cpus', 1), reservations: [{}] }] }],
  ])('refuses %s by name', (name, fields) => {
    expect(validate(aTask(fields))).toBe(`Task's ${name} is not supported`);
  });

  it('refuses a custom executor and names every field at once', () => {
    const { command: _, ...bare } = aTask({ container: { type: 'DOCKER', docker: { image: 'i' } } });
    const custom = { ...bare, executor: { executor_id: { value: 'e' }, command: { uris: [{ value: 'u' }] } } };
    expect(validate(custom)).toBe(
      "Task's `TaskInfo.executor` is not supported; Task's `ContainerInfo.docker` is not supported; Task's `ContainerInfo.type` DOCKER is not supported",
    );
    expect(validate(aTask({ container: { type: 'DOCKER' } }))).toBe(
      "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo",
    );
  });
});

describe('unimplementedFields', () => {
  /** One value for every field below a task, so that a field added to the schema has to be decided upon. */
  const everything = (type: protobuf.Type, depth: number): Record<string, unknown> =>
    Object.fromEntries(
      type.fieldsArray.map((field) => {
        const { resolvedType } = field.resolve();
        const one = resolvedType instanceof protobuf.Type && depth < 6 ? everything(resolvedType, depth + 1) : {};
        return [field.name, field.map ? { key: one } : field.repeated ? [one] : one];
      }),
    );

  it('names every field of the schema that the table does not list', () => {
    // The schema decides the shape; the values do not matter here.
    const task = everything(taskInfoType.reflected, 0) as unknown as TaskInfo;
    expect(unimplementedFields(task).toSorted()).toMatchInlineSnapshot(`
      [
        "CommandInfo.uris",
        "ContainerInfo.docker",
        "ContainerInfo.hostname",
        "ContainerInfo.linux_info",
        "ContainerInfo.network_infos",
        "ContainerInfo.rlimit_info",
        "ContainerInfo.tty_info",
        "Environment.Variable.secret",
        "Image.Docker.config",
        "Image.Docker.credential",
        "Image.appc",
        "Resource.disk",
        "Resource.provider_id",
        "Resource.reservation",
        "Resource.reservations",
        "Resource.revocable",
        "Resource.shared",
        "TaskInfo.check",
        "TaskInfo.data",
        "TaskInfo.executor",
        "TaskInfo.health_check",
        "TaskInfo.limits",
        "TaskInfo.max_completion_time",
        "Volume.Source.csi_volume",
        "Volume.Source.host_path",
        "Volume.Source.sandbox_path",
        "Volume.Source.secret",
        "Volume.host_path",
        "Volume.image",
      ]
    `);
  });
});
