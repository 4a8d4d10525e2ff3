import { describe, expect, it } from 'vitest';
import type { ExecutorInfo, Resource, TaskInfo } from '../v1.ts';
import { validateTask } from './validate-task.ts';

const scalar = (name: string, value: number): Resource => ({ name, type: 'SCALAR', scalar: { value } });
const executor: ExecutorInfo = {
  executor_id: { value: 'e' },
  command: { value: 'run' },
  resources: [scalar('cpus', 1)],
};
const aTask = (fields: Partial<TaskInfo> = {}): TaskInfo => ({
  name: 'test',
  task_id: { value: 'test' },
  agent_id: { value: 'S0' },
  executor,
  resources: [scalar('cpus', 1)],
  ...fields,
});
const validate = (task: TaskInfo, running?: ExecutorInfo): string | undefined =>
  validateTask(task, {
    agentId: 'S0',
    frameworkId: 'F0',
    offered: [scalar('cpus', 2), scalar('mem', 1024)],
    isKnownTaskId: () => false,
    runningExecutor: (id) => (running?.executor_id.value === id ? running : undefined),
  });

describe('validateTask, with a custom executor', () => {
  it('takes one that is new, and one that runs and is the same', () => {
    expect(validate(aTask())).toBeUndefined();
    expect(validate(aTask(), executor)).toBeUndefined();
  });

  it('refuses another executor under the id of one that runs', () => {
    expect(validate(aTask(), { ...executor, name: 'other' })).toMatch(
      /^ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID\.\n-+\nExisting ExecutorInfo:\n/,
    );
  });

  it('refuses both a command and an executor, and neither', () => {
    const why = 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
    expect(validate(aTask({ command: { value: 'true' } }))).toBe(why);
    const { executor: _, ...neither } = aTask();
    expect(validate(neither)).toBe(why);
  });

  it('counts the resources of the executor once: when it is new', () => {
    const task = aTask({ resources: [scalar('cpus', 2)] });
    expect(validate(task)).toMatch(/^Total resources cpus:3 required by task and its executor is more than available /);
    expect(validate(task, executor)).toBeUndefined();
  });

  it('refuses what the container of the executor cannot have, and leaves that of the task to it', () => {
    const container = { type: 'MESOS' as const, hostname: 'h' };
    expect(validate(aTask({ container }))).toBeUndefined();
    expect(validate(aTask({ executor: { ...executor, container } }))).toBe(
      "Task's `ContainerInfo.hostname` is not supported",
    );
    const docker = { type: 'DOCKER' as const, docker: { image: 'i' } };
    expect(validate(aTask({ executor: { ...executor, container: docker } }))).toBe(
      "Task's `ContainerInfo.docker` is not supported; Task's `ContainerInfo.type` DOCKER is not supported",
    );
  });

  it.each<[string, Partial<ExecutorInfo>]>([
    ['ID must not be empty', { executor_id: { value: '' } }],
    ["'ExecutorInfo.command' must be set", {}],
    ["'ExecutorInfo.command' must be set for 'CUSTOM' executor", { type: 'CUSTOM' }],
    ["'ExecutorInfo.type' must be 'CUSTOM'", { type: 'DEFAULT' }],
    ["'ExecutorInfo.command' must not be set for 'DEFAULT' executor", { type: 'DEFAULT', command: {} }],
    [
      "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
      { type: 'DEFAULT', container: { type: 'DOCKER' } },
    ],
    [
      "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor",
      { type: 'DEFAULT', container: { type: 'MESOS', mesos: { image: { type: 'DOCKER' } } } },
    ],
    [
      "ExecutorInfo's 'shutdown_grace_period' must be non-negative",
      { command: {}, shutdown_grace_period: { nanoseconds: -1 } },
    ],
    [
      "Executor's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set",
      { command: { environment: { variables: [{ name: 'A' }] } } },
    ],
    [
      "Executor's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed ContainerInfo",
      { command: {}, container: { type: 'DOCKER' } },
    ],
    [
      'ExecutorInfo has an invalid FrameworkID (Actual: F1 vs Expected: F0)',
      { command: {}, framework_id: { value: 'F1' } },
    ],
    [
      "Executor uses invalid resources: Invalid resources: Resource 'cpus:-1' is invalid: Invalid scalar resource: value < 0",
      { command: {}, resources: [scalar('cpus', -1)] },
    ],
    [
      "The 'share_cgroups' field cannot be set to 'true' on executor containers",
      { command: {}, container: { type: 'MESOS', linux_info: { share_cgroups: true } } },
    ],
  ])('refuses an executor: %s', (why, fields) => {
    expect(validate(aTask({ executor: { executor_id: { value: 'e' }, ...fields } }))).toBe(why);
  });
});
