/**
 * What a task may ask for. Every field that is set and not in this table is named in a refusal, so that nothing is
 * ignored in silence; upstream ignores what no isolator or executor looks at.
 */
import protobuf from 'protobufjs';
import { taskInfoType } from '../codec/schema.ts';
import type { TaskInfo } from '../v1.ts';

const PACKAGE = '.mesos.v1.';

/** Fields by message. A message without a row is taken as a whole wherever a row allows a field of its type. */
const IMPLEMENTED: Readonly<Record<string, readonly string[]>> = {
  // `labels` and `discovery` inform whoever reads the state; nothing acts on them.
  TaskInfo: ['name', 'task_id', 'agent_id', 'resources', 'command', 'container', 'kill_policy', 'labels', 'discovery'],
  CommandInfo: ['environment', 'shell', 'value', 'arguments', 'user'],
  'Environment.Variable': ['name', 'type', 'value'],
  ContainerInfo: ['type', 'volumes', 'mesos'],
  'ContainerInfo.MesosInfo': ['image'],
  Image: ['type', 'docker', 'cached'],
  'Image.Docker': ['name'],
  Volume: ['mode', 'container_path', 'source'],
  'Volume.Source': ['type', 'docker_volume'],
  'Volume.Source.DockerVolume': ['driver', 'name', 'driver_options'],
  Resource: ['name', 'type', 'scalar', 'ranges', 'set', 'role', 'allocation_info'],
  KillPolicy: ['grace_period'],
};

/** Fields of `task` that are set and not implemented, as `CommandInfo.uris`, each once. */
export function unimplementedFields(task: TaskInfo): readonly string[] {
  const found = new Set<string>();
  collect(taskInfoType.reflected, Object.fromEntries(Object.entries(task)), found);
  return [...found];
}

function collect(type: protobuf.Type, message: Readonly<Record<string, unknown>>, found: Set<string>): void {
  const name = type.fullName.slice(PACKAGE.length);
  const implemented = IMPLEMENTED[name];
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    if (value === undefined || isEmpty(field, value)) continue;
    const { resolvedType } = field.resolve();
    if (implemented !== undefined && !implemented.includes(field.name)) {
      found.add(`${name}.${field.name}`);
    } else if (resolvedType instanceof protobuf.Type && !field.map) {
      // A message field holds one object or, when repeated, an array of them.
      const children = (field.repeated ? value : [value]) as readonly Record<string, unknown>[];
      for (const child of children) collect(resolvedType, child, found);
    }
  }
}

/** A list without elements is not on the wire. */
function isEmpty(field: protobuf.Field, value: unknown): boolean {
  if (field.map) return Object.keys(value as object).length === 0;
  return field.repeated && Array.isArray(value) && value.length === 0;
}
