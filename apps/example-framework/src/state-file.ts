/**
 * What the next instance has to know: the framework id, and the tasks that were launched. Whoever loses the id loses the
 * tasks, since the master gives a framework without one a new id. So it is written durably, before anything depends on it.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { DomainError, messageOf } from '@drydock/base/errors';
import { readTextIfThere } from '@drydock/base/read-if-there';
import type { TaskState } from '@drydock/mesos';
import { KINDS, type Kind } from './tasks.ts';

const VERSION = 1;

export interface TaskRecord {
  readonly taskId: string;
  readonly agentId: string;
  /** As last heard; TASK_STAGING from the moment of the launch. */
  readonly state: TaskState;
}

export interface FrameworkRecord {
  /** Undefined before the first subscription. */
  readonly frameworkId?: string;
  /** A kind that is not there has to be launched. */
  readonly tasks: Readonly<Partial<Record<Kind, TaskRecord>>>;
}

/** The file cannot be used; the message says what to do. */
export class StateFileError extends DomainError<'STATE_FILE'> {
  readonly code = 'STATE_FILE';
}

export class StateFile {
  readonly path: string;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'framework.json');
  }

  /** What the last instance left, or the record of a framework that is new. @throws StateFileError */
  async read(): Promise<FrameworkRecord> {
    try {
      await mkdir(this.#directory, { recursive: true });
      const text = await readTextIfThere(this.path);
      return text === undefined ? { tasks: {} } : parseRecord(JSON.parse(text));
    } catch (error) {
      const advice = 'Mend it, or remove it to start as a new framework: the tasks of the old one are then nobody’s';
      throw new StateFileError(`Failed to read ${this.path}: ${messageOf(error)}. ${advice}`, { cause: error });
    }
  }

  /** On disk when it resolves. @throws StateFileError */
  async write(record: FrameworkRecord): Promise<void> {
    const text = JSON.stringify({ version: VERSION, ...record }, undefined, 2);
    try {
      await writeFileAtomic(this.path, `${text}\n`);
    } catch (error) {
      throw new StateFileError(`Failed to write ${this.path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Of a framework that is torn down, whose id is of no use any more. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

function parseRecord(value: unknown): FrameworkRecord {
  const { version, frameworkId, tasks } = objectOf(value, 'the file');
  if (version !== VERSION) throw new TypeError(`Expected version ${VERSION}, got ${JSON.stringify(version)}`);
  const found = objectOf(tasks, 'tasks');
  const known = KINDS.filter((kind) => found[kind] !== undefined).map((kind) => [kind, parseTask(found[kind], kind)]);
  return {
    ...(frameworkId === undefined ? {} : { frameworkId: textOf(frameworkId, 'frameworkId') }),
    tasks: Object.fromEntries(known),
  };
}

function parseTask(value: unknown, kind: Kind): TaskRecord {
  const { taskId, agentId, state } = objectOf(value, kind);
  return {
    taskId: textOf(taskId, `taskId of the ${kind}`),
    agentId: textOf(agentId, `agentId of the ${kind}`),
    // The next update overwrites it, and no decision depends on it before.
    state: textOf(state, `state of the ${kind}`) as TaskState,
  };
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new TypeError(`Expected ${what} to be an object, got ${JSON.stringify(value)}`);
}

function textOf(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new TypeError(`Expected ${what} to be a text, got ${JSON.stringify(value)}`);
}
