import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CheckInfo, DiskInfo, HealthCheck, Resource, TaskInfo, Volume, VolumeSource } from '../v1.ts';
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
    frameworkId: 'F0',
    offered: [scalar('cpus', 2), scalar('mem', 1024), ports([1, 10])],
    isKnownTaskId: (id) => id === 'running',
    runningExecutor: () => undefined,
  });

/** For each refused field a task that sets it, and is good but for it. */
const REFUSED = JSON.parse(
  readFileSync(new URL('../../../../fixtures/tasks/refused-fields.json', import.meta.url), 'utf8'),
) as Record<string, Partial<TaskInfo>>;

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
    ["Task's `max_completion_time` must be non-negative", { max_completion_time: { nanoseconds: -1 } }],
    [
      "Invalid task resources: The resources have multiple allocation roles ('b' and 'a') but only one allocation role is allowed",
      {
        resources: [
          { ...scalar('cpus', 1), allocation_info: { role: 'a' } },
          { ...scalar('mem', 1), allocation_info: { role: 'b' } },
        ],
      },
    ],
    [
      "Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus' at the same time",
      { resources: [{ ...scalar('cpus', 1), revocable: {} }, scalar('cpus', 1)] },
    ],
    [
      "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer",
      { resources: [scalar('gpus', 0.5)] },
    ],
    [
      "Only tasks in a task group may have 'share_cgroups' set to 'false'",
      { container: { type: 'MESOS', linux_info: { share_cgroups: false } } },
    ],
    [
      "Task's `ContainerInfo` is invalid: Parameter in DockerInfo must not be 'name'",
      { container: { type: 'DOCKER', docker: { image: 'i', parameters: [{ key: 'name', value: 'x' }] } } },
    ],
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
  ])('Task uses invalid resources: Invalid resources: Resource %s', (why, resource) => {
    expect(validate(aTask({ resources: [resource] }))).toBe(
      `Task uses invalid resources: Invalid resources: Resource ${why}`,
    );
  });

  it.each([undefined, []])('wants resources, got %j', (resources) => {
    expect(validate({ ...aTask(), resources: resources ?? [] })).toBe('Task uses no resources');
  });

  it.each<[string, TaskInfo]>([
    ["'source.docker_volume' is not set for DOCKER_VOLUME volume", withSource({ type: 'DOCKER_VOLUME' })],
    ["'source.host_path' is not set for HOST_PATH volume", withSource({ type: 'HOST_PATH' })],
    ["'source.sandbox_path' is not set for SANDBOX_PATH volume", withSource({ type: 'SANDBOX_PATH' })],
    ["'source.secret' is not set for SECRET volume", withSource({ type: 'SECRET' })],
    ["'source.csi_volume' is not set for CSI volume", withSource({ type: 'CSI_VOLUME' })],
    [
      "'source.csi_volume.static_provisioning' is not set for CSI volume",
      withSource({ type: 'CSI_VOLUME', csi_volume: { plugin_name: 'p' } }),
    ],
    ["Only one of them should be set: 'host_path', 'image' and 'source'", withVolume({})],
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
    [
      "Environment variable 'A' of type 'VALUE' must not have a secret set",
      { name: 'A', value: 'a', secret: { type: 'VALUE' as const } },
    ],
    [
      "Environment variable 'A' of type 'SECRET' must not have a value set",
      { name: 'A', type: 'SECRET' as const, value: 'a', secret: {} },
    ],
    [
      "Environment variable 'A' specifies an invalid secret: Secret of type REFERENCE must have the 'reference' field set",
      { name: 'A', type: 'SECRET' as const, secret: { type: 'REFERENCE' as const } },
    ],
    [
      "Environment variable 'A' specifies an invalid secret: Secret 's' of type REFERENCE must not have the 'value' field set",
      {
        name: 'A',
        type: 'SECRET' as const,
        secret: { type: 'REFERENCE' as const, reference: { name: 's' }, value: { data: Buffer.from('x') } },
      },
    ],
    [
      "Environment variable 'A' specifies an invalid secret: Secret of type VALUE must have the 'value' field set",
      { name: 'A', type: 'SECRET' as const, secret: { type: 'VALUE' as const } },
    ],
    [
      "Environment variable 'A' specifies an invalid secret: Secret of type VALUE must not have the 'reference' field set",
      {
        name: 'A',
        type: 'SECRET' as const,
        secret: { type: 'VALUE' as const, reference: { name: 's' }, value: { data: Buffer.from('x') } },
      },
    ],
    [
      "Environment variable 'A' specifies a secret containing null bytes, which is not allowed in the environment",
      { name: 'A', type: 'SECRET' as const, secret: { type: 'VALUE' as const, value: { data: Buffer.from([0]) } } },
    ],
  ])('refuses the environment: %s', (why, variable) => {
    const task = aTask({ command: { environment: { variables: [variable] } } });
    expect(validate(task)).toBe(`Task's \`CommandInfo\` is invalid: ${why}`);
  });

  it.each<[string, HealthCheck]>([
    ["HealthCheck must specify 'type'", {}],
    ["'UNKNOWN' is not a valid health check type", { type: 'UNKNOWN' }],
    ["Expecting 'command' to be set for COMMAND health check", { type: 'COMMAND' }],
    ["Command health check must contain 'shell command'", { type: 'COMMAND', command: {} }],
    ["Command health check must contain 'executable path'", { type: 'COMMAND', command: { shell: false } }],
    [
      "Health check's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set",
      { type: 'COMMAND', command: { value: 'c', environment: { variables: [{ name: 'A' }] } } },
    ],
    ["Expecting 'http' to be set for HTTP health check", { type: 'HTTP' }],
    ["Unsupported HTTP health check scheme: 'ftp'", { type: 'HTTP', http: { port: 1, scheme: 'ftp' } }],
    ["The path 'x' of HTTP health check must start with '/'", { type: 'HTTP', http: { port: 1, path: 'x' } }],
    ["Expecting 'tcp' to be set for TCP health check", { type: 'TCP' }],
    ["Expecting 'delay_seconds' to be non-negative", { type: 'TCP', tcp: { port: 1 }, delay_seconds: -1 }],
    [
      "Expecting 'grace_period_seconds' to be non-negative",
      { type: 'TCP', tcp: { port: 1 }, grace_period_seconds: -1 },
    ],
    ["Expecting 'interval_seconds' to be non-negative", { type: 'TCP', tcp: { port: 1 }, interval_seconds: -1 }],
    ["Expecting 'timeout_seconds' to be non-negative", { type: 'TCP', tcp: { port: 1 }, timeout_seconds: -1 }],
  ])('refuses a health check: %s', (why, health_check) => {
    expect(validate(aTask({ health_check }))).toBe(`Task uses invalid health check: ${why}`);
  });

  it.each<[string, CheckInfo]>([
    ["CheckInfo must specify 'type'", {}],
    ["'UNKNOWN' is not a valid check type", { type: 'UNKNOWN' }],
    ["Expecting 'command' to be set for COMMAND check", { type: 'COMMAND' }],
    ["Command check must contain 'shell command'", { type: 'COMMAND', command: { command: {} } }],
    [
      "Check's `CommandInfo` is invalid: Environment variable of type 'UNKNOWN' is not allowed",
      {
        type: 'COMMAND',
        command: { command: { value: 'c', environment: { variables: [{ name: 'A', type: 'UNKNOWN' }] } } },
      },
    ],
    ["Expecting 'http' to be set for HTTP check", { type: 'HTTP' }],
    ["The path 'x' of HTTP check must start with '/'", { type: 'HTTP', http: { port: 1, path: 'x' } }],
    ["Expecting 'tcp' to be set for TCP check", { type: 'TCP' }],
    ["Expecting 'timeout_seconds' to be non-negative", { type: 'TCP', tcp: { port: 1 }, timeout_seconds: -1 }],
  ])('refuses a check: %s', (why, check) => {
    expect(validate(aTask({ check }))).toBe(`Task uses invalid check: ${why}`);
  });

  it.each<[string, Record<string, { value: number }>]>([
    ["Only cpus and mem may be included in a task's resource limits", { disk: { value: 1 } }],
    ['The cpu limit must be greater than or equal to the cpu request', { cpus: { value: 0.999 } }],
    ['The memory limit must be greater than or equal to the memory request', { mem: { value: 127 } }],
  ])('refuses limits: %s', (why, limits) => {
    expect(validate(aTask({ limits }))).toBe(why);
  });

  it.each([
    ['When a CPU limit is specified, a CPU request must also be specified', 'cpus', 'mem'],
    ['When a memory limit is specified, a memory request must also be specified', 'mem', 'cpus'],
  ])('refuses limits: %s', (why, limited, requested) => {
    expect(validate(aTask({ limits: { [limited]: { value: 1 } }, resources: [scalar(requested, 1)] }))).toBe(why);
  });

  it.each<[string, DiskInfo, string?]>([
    ['DiskInfo is set but empty', {}],
    ['Non-persistent volume not supported', { volume: { mode: 'RW', container_path: 'p' } }],
    ['Persistent volumes cannot be created from unreserved resources', { persistence: { id: 'p' } }],
    ["Expecting 'volume' to be set for persistent volume", { persistence: { id: 'p' } }, 'dev'],
    [
      "Expecting 'host_path' to be unset for persistent volume",
      { persistence: { id: 'p' }, volume: { mode: 'RW', container_path: 'p', host_path: '/h' } },
      'dev',
    ],
    [
      "Invalid persistence ID for persistent volume: '..' is disallowed",
      { persistence: { id: '..' }, volume: { mode: 'RW', container_path: 'p' } },
      'dev',
    ],
  ])('refuses a disk: %s', (why, disk, role = '*') => {
    const resources = [{ ...scalar('disk', 1), role, disk }];
    expect(validate(aTask({ resources }))).toBe(`Task uses invalid resources: Invalid DiskInfo: ${why}`);
  });

  it('refuses a persistence id twice', () => {
    const disk = { persistence: { id: 'p' }, volume: { mode: 'RW' as const, container_path: 'p' } };
    const resources = [1, 2].map((value) => ({ ...scalar('disk', value), role: 'dev', disk }));
    expect(validate(aTask({ resources }))).toBe("Task uses duplicate persistence ID: Persistence ID 'p' is not unique");
  });

  it.each(Object.entries(REFUSED))('refuses %s by name', (field, fields) => {
    const { command, ...task } = { ...aTask(), ...fields };
    const complete = fields.executor === undefined ? { ...task, command: command ?? {} } : task;
    expect(validate(complete)).toBe(`Task's \`${field}\` is not supported`);
  });

  it('refuses an image that is not from Docker by its type', () => {
    const mesos = { image: { type: 'APPC' as const } };
    expect(validate(aTask({ container: { type: 'MESOS', mesos } }))).toBe("Task's `Image.type` APPC is not supported");
  });

  it('names every field at once', () => {
    expect(validate(aTask({ container: { type: 'DOCKER', docker: { image: 'i' }, hostname: 'h' } }))).toBe(
      "Task's `ContainerInfo.hostname` is not supported; Task's `ContainerInfo.docker` is not supported; Task's `ContainerInfo.type` DOCKER is not supported",
    );
    expect(validate(aTask({ container: { type: 'DOCKER' } }))).toBe(
      "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo",
    );
  });
});
