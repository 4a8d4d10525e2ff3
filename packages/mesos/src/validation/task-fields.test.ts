import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { decode, encode, fromJson } from '../codec/codec.ts';
import { taskInfoType } from '../codec/schema.ts';
import type { TaskInfo } from '../v1.ts';
import {
  CUSTOM_TASK_FIELDS,
  DEFAULT_EXECUTOR_FIELDS,
  TASK_FIELDS,
  tableNameOf,
  unimplementedExecutorFields,
  unimplementedFields,
} from './task-fields.ts';

/** Every message that can be set in a TaskInfo, by its name in the table. */
function reachable(type: protobuf.Type, found = new Map<string, protobuf.Type>()): Map<string, protobuf.Type> {
  if (found.has(tableNameOf(type))) return found;
  found.set(tableNameOf(type), type);
  for (const field of type.fieldsArray) {
    const { resolvedType } = field.resolve();
    if (resolvedType instanceof protobuf.Type) reachable(resolvedType, found);
  }
  return found;
}

/** Messages that a task can use: reached without setting a field that is refused. */
function usable(type: protobuf.Type, found = new Set<string>()): Set<string> {
  const name = tableNameOf(type);
  if (found.has(name)) return found;
  found.add(name);
  for (const field of type.fieldsArray) {
    const { resolvedType } = field.resolve();
    const isRefused = TASK_FIELDS[name]?.refused?.includes(field.name) === true;
    if (resolvedType instanceof protobuf.Type && !isRefused) usable(resolvedType, found);
  }
  return found;
}

const messages = reachable(taskInfoType.reflected);
const usableMessages = usable(taskInfoType.reflected);
const EXAMPLES = JSON.parse(
  readFileSync(new URL('../../../../fixtures/tasks/refused-fields.json', import.meta.url), 'utf8'),
) as Record<string, object>;

describe('the table of task fields', () => {
  it('has every message that a task can hold and no other', () => {
    expect(Object.keys(TASK_FIELDS).toSorted()).toEqual([...messages.keys()].toSorted());
  });

  it.each([...messages])('decides upon each field of %s once', (name, type) => {
    const { implemented = [], carried = [], refused = [] } = TASK_FIELDS[name] ?? {};
    const decided = [...implemented, ...carried, ...refused].toSorted();
    expect(decided).toEqual(type.fieldsArray.map((field) => field.name).toSorted());
  });

  it('implements or carries nothing below a field that is refused', () => {
    const others = Object.entries(TASK_FIELDS).filter(([name]) => !usableMessages.has(name));
    for (const [, { implemented = [], carried = [] }] of others) expect([...implemented, ...carried]).toEqual([]);
  });

  it('has an example of each field that is refused', () => {
    const refused = [...usableMessages].flatMap((name) =>
      (TASK_FIELDS[name]?.refused ?? []).map((field) => `${name}.${field}`),
    );
    expect(Object.keys(EXAMPLES).toSorted()).toEqual(refused.toSorted());
  });
});

describe('what differs for custom tasks and default executors', () => {
  it.each([...Object.entries(CUSTOM_TASK_FIELDS), ...Object.entries(DEFAULT_EXECUTOR_FIELDS)])(
    'decides upon each field of %s once',
    (name, { implemented = [], carried = [], refused = [] }) => {
      const fields = messages.get(name)?.fieldsArray.map((field) => field.name);
      expect([...implemented, ...carried, ...refused].toSorted()).toEqual(fields?.toSorted());
    },
  );

  it('refuses what the container of an executor cannot have', () => {
    const executor = {
      type: 'DEFAULT' as const,
      executor_id: { value: 'e' },
      command: {},
      resources: [{ name: 'disk', type: 'SCALAR' as const, disk: {} }],
      container: { type: 'MESOS' as const, hostname: 'h', mesos: {}, tty_info: {} },
    };
    expect(unimplementedExecutorFields(executor).toSorted()).toEqual([
      'ContainerInfo.hostname',
      'ContainerInfo.mesos',
      'ContainerInfo.tty_info',
      'ExecutorInfo.command',
      'Resource.disk',
    ]);
    expect(unimplementedExecutorFields({ ...executor, type: 'CUSTOM' }).toSorted()).toEqual([
      'ContainerInfo.hostname',
      'ContainerInfo.tty_info',
      'Resource.disk',
    ]);
  });

  it('hands a task of a custom executor on as it is, but for what the agent itself would have to do', () => {
    const task: TaskInfo = {
      name: 't',
      task_id: { value: 't' },
      agent_id: { value: 'S0' },
      executor: { executor_id: { value: 'e' }, command: { uris: [{ value: 'u' }] } },
      container: { type: 'MESOS', hostname: 'h' },
      limits: { cpus: { value: 1 } },
      health_check: { type: 'TCP', tcp: { port: 80 } },
    } as TaskInfo;
    expect(unimplementedFields(task)).toEqual(['CommandInfo.uris', 'TaskInfo.limits']);
  });
});

describe('unimplementedFields', () => {
  const base = { name: 't', task_id: { value: 't' }, agent_id: { value: 'S0' } };

  it.each(Object.entries(EXAMPLES))('names %s in both content types', (field, fields) => {
    const task = fromJson(taskInfoType, { ...base, ...fields });
    for (const type of ['application/json', 'application/x-protobuf'] as const) {
      expect(unimplementedFields(decode(taskInfoType, encode(taskInfoType, task, type), type))).toEqual([field]);
    }
  });

  it('lets information through that is only carried', () => {
    const task: TaskInfo = {
      ...base,
      data: Buffer.from('x'),
      labels: { labels: [{ key: 'a', value: 'b' }] },
      discovery: { visibility: 'EXTERNAL', name: 'web', ports: { ports: [{ number: 80, labels: { labels: [] } }] } },
    };
    expect(unimplementedFields(task)).toEqual([]);
  });
});
