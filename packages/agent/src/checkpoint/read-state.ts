/**
 * Reads what an earlier agent on this `--work_dir` has written down.
 * @see src/slave/state.cpp
 */
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import { readTextIfThere } from '@drydock/base/read-if-there';
import {
  agentInfoType,
  executorInfoType,
  frameworkInfoType,
  isTerminalState,
  statusUpdateRecordType,
  taskInfoType,
  type AgentInfo,
  type ExecutorInfo,
  type FrameworkID,
  type FrameworkInfo,
  type StatusUpdateRecord,
  type TaskInfo,
  type TaskStatus,
} from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import type { KillRequest, TaskPlace } from './agent-checkpoints.ts';
import { readMessage, readMessages, truncateFile } from './message-file.ts';
import {
  META_FILES,
  agentMetaPath,
  bootIdPath,
  executorMetaPath,
  frameworkMetaPath,
  latestMetaPath,
  runMetaPath,
  taskMetaPath,
} from './meta-paths.ts';

/** What is on disk cannot be understood. @see src/slave/slave.cpp __recover */
export class RecoverStateError extends DomainError<'RECOVER_STATE'> {
  readonly code = 'RECOVER_STATE';
}

export interface RecoveredTask {
  readonly info: TaskInfo;
  /** All, in order. */
  readonly statuses: readonly TaskStatus[];
  /** Those of them that the framework has not acknowledged. */
  readonly pending: readonly TaskStatus[];
  readonly kill?: KillRequest;
  /** Of a task of a group. */
  readonly place?: TaskPlace;
}

export interface RecoveredRun {
  readonly ids: RunIds;
  readonly executor: ExecutorInfo;
  readonly tasks: readonly RecoveredTask[];
  /** Everything of its container was cleaned up. */
  readonly isCompleted: boolean;
}

export interface RecoveredFramework {
  readonly info: FrameworkInfo & { id: FrameworkID };
  readonly runs: readonly RecoveredRun[];
}

export interface RecoveredState {
  readonly agent: AgentInfo & { id: { value: string } };
  /** The machine has been started anew: nothing that ran then runs now. */
  readonly hasRebooted: boolean;
  readonly frameworks: readonly RecoveredFramework[];
  /** Parts that could not be read and were left out; never with `isStrict`. */
  readonly errorCount: number;
}

export interface ReadStateOptions {
  readonly workDir: string;
  /** Of now. */
  readonly bootId: string;
  /** `--strict`: what cannot be read is an error; else it is left out. */
  readonly isStrict: boolean;
  readonly logger: Logger;
}

/**
 * Undefined when there is nothing to recover.
 * @throws RecoverStateError
 */
export async function readState(options: ReadStateOptions): Promise<RecoveredState | undefined> {
  return await new StateReader(options).read();
}

class StateReader {
  readonly #options: ReadStateOptions;
  #errorCount = 0;

  constructor(options: ReadStateOptions) {
    this.#options = options;
  }

  async read(): Promise<RecoveredState | undefined> {
    const { workDir, bootId, logger } = this.#options;
    const agentId = await this.#latestAgentId();
    if (agentId === undefined) return undefined;
    const infoPath = join(agentMetaPath(workDir, agentId), META_FILES.agentInfo);
    const info = await this.#attempt(async () => await readMessage(infoPath, agentInfoType));
    if (info === undefined) {
      // The agent died before it had written it; then it had no tasks either.
      logger.warning('Nothing to recover: there is no agent info', { path: infoPath });
      return undefined;
    }
    const earlierBootId = (await readTextIfThere(bootIdPath(workDir)))?.trim();
    const frameworks: RecoveredFramework[] = [];
    for (const frameworkId of await namesIn(join(agentMetaPath(workDir, agentId), 'frameworks'))) {
      const framework = await this.#attempt(async () => await this.#readFramework(agentId, frameworkId));
      if (framework !== undefined) frameworks.push(framework);
    }
    return {
      agent: { ...info, id: { value: agentId } },
      hasRebooted: earlierBootId !== undefined && earlierBootId !== bootId,
      frameworks,
      errorCount: this.#errorCount,
    };
  }

  async #latestAgentId(): Promise<string | undefined> {
    const link = latestMetaPath(this.#options.workDir);
    try {
      return await readlink(link);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw new RecoverStateError(`Failed to read the link '${link}': ${messageOf(error)}`, { cause: error });
    }
  }

  async #readFramework(agentId: string, frameworkId: string): Promise<RecoveredFramework | undefined> {
    const { workDir } = this.#options;
    const directory = frameworkMetaPath(workDir, { agentId, frameworkId });
    const info = await readMessage(join(directory, META_FILES.frameworkInfo), frameworkInfoType);
    if (info === undefined) return this.#leaveOut(join(directory, META_FILES.frameworkInfo));
    const runs: RecoveredRun[] = [];
    for (const executorId of await namesIn(join(directory, 'executors'))) {
      const found = await this.#attempt(async () => await this.#readExecutor({ agentId, frameworkId, executorId }));
      runs.push(...(found ?? []));
    }
    return { info: { ...info, id: { value: frameworkId } }, runs };
  }

  async #readExecutor(ids: Omit<RunIds, 'containerId'>): Promise<readonly RecoveredRun[]> {
    const directory = executorMetaPath(this.#options.workDir, ids);
    const infoPath = join(directory, META_FILES.executorInfo);
    const executor = await readMessage(infoPath, executorInfoType);
    if (executor === undefined) {
      this.#leaveOut(infoPath);
      return [];
    }
    const runs: RecoveredRun[] = [];
    for (const containerId of await namesIn(join(directory, 'runs'))) {
      if (containerId === 'latest' || containerId === 'latest.next') continue;
      const run = await this.#attempt(async () => await this.#readRun({ ...ids, containerId }, executor));
      if (run !== undefined) runs.push(run);
    }
    return runs;
  }

  async #readRun(ids: RunIds, executor: ExecutorInfo): Promise<RecoveredRun | undefined> {
    const directory = runMetaPath(this.#options.workDir, ids);
    const tasks: RecoveredTask[] = [];
    for (const taskId of await namesIn(join(directory, 'tasks'))) {
      const task = await this.#attempt(async () => await this.#readTask(ids, taskId));
      if (task !== undefined) tasks.push(task);
    }
    if (tasks.length === 0) return this.#leaveOut(join(directory, 'tasks'));
    const isCompleted = (await readTextIfThere(join(directory, META_FILES.sentinel))) !== undefined;
    return { ids, executor, tasks, isCompleted };
  }

  async #readTask(ids: RunIds, taskId: string): Promise<RecoveredTask | undefined> {
    const directory = taskMetaPath(this.#options.workDir, ids, taskId);
    const info = await readMessage(join(directory, META_FILES.taskInfo), taskInfoType);
    if (info === undefined) return this.#leaveOut(join(directory, META_FILES.taskInfo));
    const path = join(directory, META_FILES.taskUpdates);
    const { messages, wholeByteCount, byteCount } = await readMessages(path, statusUpdateRecordType);
    if (wholeByteCount < byteCount) {
      this.#options.logger.warning('Cutting off a status update that was not written to its end', { path });
      await truncateFile(path, wholeByteCount);
    }
    const kill = parseKill(await readTextIfThere(join(directory, META_FILES.taskKill)));
    const place = parsePlace(await readTextIfThere(join(directory, META_FILES.taskContainer)));
    return {
      info,
      ...replay(messages, path),
      ...(kill === undefined ? {} : { kill }),
      ...(place === undefined ? {} : { place }),
    };
  }

  /** The agent died before it had written the file: so it had not begun what the file would tell of. */
  #leaveOut(path: string): undefined {
    this.#options.logger.warning('Leaving out what an earlier agent had not written to its end', { path });
    return undefined;
  }

  async #attempt<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (this.#options.isStrict) {
        throw new RecoverStateError(`Failed to recover the state of the agent: ${messageOf(error)}`, { cause: error });
      }
      this.#errorCount += 1;
      this.#options.logger.error('Leaving out a part of the state that cannot be read', { error: messageOf(error) });
      return undefined;
    }
  }
}

/** @throws RecoverStateError when an acknowledgement is not that of the update which was outstanding */
function replay(records: readonly StatusUpdateRecord[], path: string): Pick<RecoveredTask, 'statuses' | 'pending'> {
  const statuses: TaskStatus[] = [];
  let pending: TaskStatus[] = [];
  for (const { type, update, uuid } of records) {
    if (type === 'UPDATE' && update !== undefined) {
      // After a power loss the same end may have been told twice.
      if (statuses.some(({ state }) => isTerminalState(state))) continue;
      statuses.push(update.status);
      pending.push(update.status);
    } else {
      const [outstanding, ...rest] = pending;
      if (outstanding?.uuid === undefined || uuid === undefined || Buffer.compare(outstanding.uuid, uuid) !== 0) {
        throw new RecoverStateError(`Failed to read '${path}': an acknowledgement is of no update before it`);
      }
      pending = rest;
    }
  }
  return { statuses, pending };
}

function parseKill(text: string | undefined): KillRequest | undefined {
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && 'deadline_ms' in value && typeof value.deadline_ms === 'number')
    return { deadlineMs: value.deadline_ms };
  throw new RecoverStateError(`Expected a kill request, got '${text}'`);
}

function parsePlace(text: string | undefined): TaskPlace | undefined {
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && 'container_id' in value && 'group_id' in value) {
    const { container_id: containerId, group_id: groupId } = value;
    if (typeof containerId === 'string' && typeof groupId === 'string') return { containerId, groupId };
  }
  throw new RecoverStateError(`Expected the container of a task, got '${text}'`);
}

/** Entries of a directory that may not be there, sorted. */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).toSorted();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
