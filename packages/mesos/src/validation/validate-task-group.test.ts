import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromJson } from '../codec/codec.ts';
import { taskGroupInfoType } from '../codec/schema.ts';
import type { ExecutorInfo, Resource, TaskInfo } from '../v1.ts';
import { validateTaskGroup } from './validate-task-group.ts';

const scalar = (name: string, value: number): Resource => ({ name, type: 'SCALAR', scalar: { value }, role: '*' });
const ports = (begin: number, end: number): Resource => ({
  name: 'ports',
  type: 'RANGES',
  ranges: { range: [{ begin, end }] },
});
const MINIMUM = [scalar('cpus', 0.1), scalar('mem', 32), scalar('disk', 32)];

const aTask = (id: string, fields: Partial<TaskInfo> = {}): TaskInfo => ({
  name: id,
  task_id: { value: id },
  agent_id: { value: 'S0' },
  command: { value: 'true' },
  resources: [scalar('cpus', 1)],
  ...fields,
});
const anExecutor = (fields: Partial<ExecutorInfo> = {}): ExecutorInfo => ({
  type: 'DEFAULT',
  executor_id: { value: 'e' },
  resources: MINIMUM,
  ...fields,
});

function validate(
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo = anExecutor(),
  running?: ExecutorInfo,
): string | undefined {
  return validateTaskGroup(tasks, executor, {
    agentId: 'S0',
    frameworkId: 'F0',
    offered: [scalar('cpus', 2.1), scalar('mem', 256), scalar('disk', 32), ports(1, 10)],
    isKnownTaskId: (id) => id === 'running',
    runningExecutor: () => running,
  });
}

describe('validateTaskGroup', () => {
  it('takes the group of the fixture, in which two tasks share a volume', () => {
    const json: unknown = JSON.parse(
      readFileSync(new URL('../../../../fixtures/tasks/task-group.json', import.meta.url), 'utf8').replaceAll(
        '"task_id"',
        '"agent_id": { "value": "S0" }, "task_id"',
      ),
    );
    expect(validate(fromJson(taskGroupInfoType, json).tasks ?? [])).toBeUndefined();
  });

  it('takes tasks that name the executor of the group, and every field of an executor that is implemented', () => {
    const executor = anExecutor({
      framework_id: { value: 'F0' },
      container: {
        type: 'MESOS',
        volumes: [
          {
            mode: 'RW',
            container_path: 'v',
            source: { type: 'DOCKER_VOLUME', docker_volume: { driver: 'd', name: 'n' } },
          },
        ],
      },
      name: 'n',
      source: 's',
      data: Buffer.from('d'),
      shutdown_grace_period: { nanoseconds: 0 },
      labels: { labels: [{ key: 'k' }] },
      discovery: { visibility: 'CLUSTER' },
    });
    expect(validate([aTask('a', { executor }), aTask('b')], executor)).toBeUndefined();
  });

  it.each<[string, Partial<TaskInfo>]>([
    ['Task has duplicate ID: running', { task_id: { value: 'running' } }],
    ['Task has duplicate ID: a', { task_id: { value: 'a' } }],
    ['Task uses invalid agent S1 while agent S0 is expected', { agent_id: { value: 'S1' } }],
    ['Task uses no resources', { resources: [] }],
    ['Docker ContainerInfo is not supported on the task', { container: { type: 'DOCKER', docker: { image: 'i' } } }],
    [
      "HTTP and TCP health checks are not supported for nested containers not joining parent's network",
      { health_check: { type: 'TCP', tcp: { port: 1 } }, container: { type: 'MESOS', network_infos: [{ name: 'n' }] } },
    ],
    [
      "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'.",
      { limits: { cpus: { value: 2 } } },
    ],
    [
      "Task's `ContainerInfo.network_infos` is not supported",
      { container: { type: 'MESOS', network_infos: [{ name: 'n' }] } },
    ],
  ])('refuses the whole group for one task: %s', (why, fields) => {
    const task = aTask('b', fields);
    expect(validate([aTask('a'), task])).toBe(`Task '${task.task_id.value}' is invalid: ${why}`);
  });

  it.each<[string, Partial<ExecutorInfo>]>([
    ["'ExecutorInfo.type' must be set", { type: undefined } as unknown as Partial<ExecutorInfo>],
    ['Unknown executor type', { type: 'UNKNOWN' }],
    ['ID must not be empty', { executor_id: { value: '' } }],
    ["'ExecutorInfo.command' must not be set for 'DEFAULT' executor", { command: { value: 'true' } }],
    [
      "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
      { container: { type: 'DOCKER', docker: { image: 'i' } } },
    ],
    [
      'Docker ContainerInfo is not supported on the executor',
      { type: 'CUSTOM', command: {}, container: { type: 'DOCKER', docker: { image: 'i' } } },
    ],
    ['ExecutorInfo has an invalid FrameworkID (Actual: F1 vs Expected: F0)', { framework_id: { value: 'F1' } }],
    ["Executor 'e' uses less CPUs (None) than the minimum required (0.01)", { resources: [] }],
    ["Executor 'e' uses less CPUs (0.009) than the minimum required (0.01)", { resources: [scalar('cpus', 0.009)] }],
    ["Executor 'e' uses less memory (None) than the minimum required (32MB)", { resources: [scalar('cpus', 0.01)] }],
    [
      "Executor 'e' uses less memory (31) than the minimum required (32MB)",
      { resources: [scalar('cpus', 0.01), scalar('mem', 31)] },
    ],
    ["Executor 'e' uses no disk", { resources: [scalar('cpus', 0.01), scalar('mem', 32)] }],
    ["Executor's `CommandInfo.uris` is not supported", { type: 'CUSTOM', command: { uris: [{ value: 'u' }] } }],
    ["Executor's `ContainerInfo.hostname` is not supported", { container: { type: 'MESOS', hostname: 'h' } }],
    [
      "Executor's `Volume.host_path` is not supported",
      { container: { type: 'MESOS', volumes: [{ mode: 'RW', container_path: 'v', host_path: '/h' }] } },
    ],
  ])('refuses an executor: %s', (why, fields) => {
    expect(validate([aTask('a')], anExecutor(fields))).toBe(why);
  });

  it('takes a custom executor, which gets the tasks as they are', () => {
    const custom = anExecutor({ type: 'CUSTOM', command: { value: 'run' } });
    const { command: _, ...bare } = aTask('a', { health_check: { type: 'COMMAND', command: { value: 'true' } } });
    expect(validate([bare, aTask('b')], custom)).toBeUndefined();
  });

  it('refuses a task with an executor of its own', () => {
    const executor = anExecutor({ name: 'other' });
    expect(validate([aTask('a', { executor })])).toBe("The `ExecutorInfo` of task 'a' is different from executor 'e'");
  });

  it('refuses another executor under the id of one that runs', () => {
    const why = validate([aTask('a')], anExecutor(), anExecutor({ name: 'other' }));
    expect(why).toMatch(/^ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID\.\n-+\n/);
    expect(why).toContain('"name":"other"');
  });

  it('counts the resources of the executor once: when it is new', () => {
    expect(validate([aTask('a', { resources: [scalar('cpus', 2)] })])).toBeUndefined();
    expect(validate([aTask('a', { resources: [scalar('cpus', 2.1)] })])).toBe(
      'Total resources cpus:2.2; mem:32; disk:32 required by task group and its executor are more than available cpus:2.1; mem:256; disk:32; ports:[1-10]',
    );
    expect(validate([aTask('a', { resources: [scalar('cpus', 2.1)] })], anExecutor(), anExecutor())).toBeUndefined();
    expect(validate([aTask('a'), aTask('b', { resources: [scalar('cpus', 1.1)] })])).toMatch(
      /^Total resources cpus:2.2; /,
    );
  });

  it('refuses a port that two ask for', () => {
    const [a, b] = [aTask('a', { resources: [ports(1, 3)] }), aTask('b', { resources: [ports(3, 4)] })];
    expect(validate([a, b])).toBe(
      "There are overlapping resources in the task group's task resources [ ports:[1-3], ports:[3-4] ] and/or executor resources cpus:0.1; mem:32; disk:32",
    );
    expect(validate([a, aTask('b', { resources: [ports(4, 4)] })])).toBeUndefined();
  });
});
