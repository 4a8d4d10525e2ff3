import { addResources, containsResources, formatResources } from '../resources/resources.ts';
import type { CommandInfo, ContainerInfo, Resource, TaskInfo } from '../v1.ts';
import { unimplementedFields } from './implemented-fields.ts';
import { validateId } from './validate-id.ts';
import { validateResources } from './validate-resources.ts';
import { validateVolume } from './validate-volume.ts';

/** What a task is held against. */
export interface TaskValidationContext {
  /** The agent of the offers that the task was launched with. */
  readonly agentId: string;
  /** What is left of these offers. */
  readonly offered: Resource[];
  /** Whether the framework has a task of that id. */
  isKnownTaskId(id: string): boolean;
}

/**
 * Why a task that a framework wants to launch is refused, in upstream's words and order, or undefined when it is good.
 * DEVIATION: a field that is not implemented is refused by name (upstream ignores what nobody looks at), so that a task
 * never runs without something that it asked for.
 * @see src/master/validation.cpp task::validate
 */
export function validateTask(task: TaskInfo, context: TaskValidationContext): string | undefined {
  return validateIds(task, context) ?? validateContent(task) ?? validateTotal(task, context.offered);
}

function validateIds(task: TaskInfo, context: TaskValidationContext): string | undefined {
  const { task_id: id, agent_id: agentId } = task;
  const reason = validateId(id.value);
  if (reason !== undefined) return reason;
  if (context.isKnownTaskId(id.value)) return `Task has duplicate ID: ${id.value}`;
  if (agentId.value === context.agentId) return undefined;
  return `Task uses invalid agent ${agentId.value} while agent ${context.agentId} is expected`;
}

function validateContent(task: TaskInfo): string | undefined {
  if ((task.kill_policy?.grace_period?.nanoseconds ?? 0) < 0) {
    return "Task's 'kill_policy.grace_period' must be non-negative";
  }
  const resources = task.resources ?? [];
  if (resources.length === 0) return 'Task uses no resources';
  const invalid = validateResources(resources);
  if (invalid !== undefined) return `Task uses invalid resources: ${invalid}`;
  const command = task.command === undefined ? undefined : validateCommand(task.command);
  if (command !== undefined) return `Task's \`CommandInfo\` is invalid: ${command}`;
  const container = task.container === undefined ? undefined : validateContainer(task.container);
  if (container !== undefined) return `Task's \`ContainerInfo\` is invalid: ${container}`;
  if ((task.command === undefined) === (task.executor === undefined)) {
    return 'Task should have at least one (but not both) of CommandInfo or ExecutorInfo present';
  }
  return refuseUnimplemented(task);
}

function validateCommand(command: CommandInfo): string | undefined {
  for (const { name, type = 'VALUE', value, secret } of command.environment?.variables ?? []) {
    if (type === 'UNKNOWN') return "Environment variable of type 'UNKNOWN' is not allowed";
    if (type === 'SECRET' && secret === undefined) {
      return `Environment variable '${name}' of type 'SECRET' must have a secret set`;
    }
    if (type === 'VALUE' && value === undefined) {
      return `Environment variable '${name}' of type 'VALUE' must have a value set`;
    }
  }
  return undefined;
}

function validateContainer(container: ContainerInfo): string | undefined {
  if (container.type === 'DOCKER' && container.docker === undefined) {
    return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo";
  }
  for (const volume of container.volumes ?? []) {
    const reason = validateVolume(volume);
    if (reason !== undefined) return `Invalid volume: ${reason}`;
  }
  return undefined;
}

/** Names every field, and every value of an implemented field, that this implementation does not act on. */
function refuseUnimplemented(task: TaskInfo): string | undefined {
  const names = unimplementedFields(task).map((field) => `\`${field}\``);
  if (task.container?.type === 'DOCKER') names.push('`ContainerInfo.type` DOCKER');
  if (task.container?.mesos?.image?.type === 'APPC') names.push('`Image.type` APPC');
  return names.length === 0 ? undefined : names.map((name) => `Task's ${name} is not supported`).join('; ');
}

function validateTotal(task: TaskInfo, offered: readonly Resource[]): string | undefined {
  const total = addResources(task.resources ?? [], []);
  if (containsResources(offered, total)) return undefined;
  return `Total resources ${formatResources(total)} required by task and its executor is more than available ${formatResources(offered)}`;
}
