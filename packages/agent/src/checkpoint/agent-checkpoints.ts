/**
 * Writes what the next agent on this `--work_dir` has to know: itself, and of frameworks that ask for checkpoints their
 * executors, tasks and status updates. Everything is durable when a call resolves.
 *
 * DEVIATION: upstream's `task.info` is a `Task`, and `framework.pid` holds the pid of a driver; here they are the
 * `TaskInfo`, which says how to kill the task, and empty. `task.kill` and `task.container` are ours.
 * @see src/slave/paths.hpp, src/slave/state.hpp
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import {
  agentInfoType,
  executorInfoType,
  frameworkInfoType,
  statusUpdateRecordType,
  taskInfoType,
  type AgentInfo,
  type ExecutorInfo,
  type FrameworkInfo,
  type TaskInfo,
  type TaskStatus,
} from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import { pointLink } from '../sandbox.ts';
import { appendMessage, writeMessage } from './message-file.ts';
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

/** What was asked for when a task was to be killed. */
export interface KillRequest {
  /** When SIGKILL follows; epoch milliseconds. */
  readonly deadlineMs: number;
}

/** Where a task of a group runs. */
export interface TaskPlace {
  /** Of the container that is nested in the executor's. */
  readonly containerId: string;
  /** Names the group among those of the executor's run. */
  readonly groupId: string;
}

export interface PlacedTask {
  readonly info: TaskInfo;
  /** Undefined: it has the executor's container. */
  readonly place?: TaskPlace;
}

export class AgentCheckpoints {
  readonly #workDir: string;

  constructor(workDir: string) {
    this.#workDir = workDir;
  }

  async writeBootId(bootId: string): Promise<void> {
    await mkdir(dirname(bootIdPath(this.#workDir)), { recursive: true });
    await writeFileAtomic(bootIdPath(this.#workDir), `${bootId}\n`);
  }

  /** The master has given the agent its id, or taken it back. */
  async writeAgent(agentId: string, info: AgentInfo): Promise<void> {
    const directory = agentMetaPath(this.#workDir, agentId);
    await mkdir(directory, { recursive: true });
    await writeMessage(join(directory, META_FILES.agentInfo), agentInfoType, info);
    await pointLink(latestMetaPath(this.#workDir), agentId);
  }

  /** The agent has said goodbye: its id is not used again. */
  async forgetAgent(agentId: string): Promise<void> {
    await rm(latestMetaPath(this.#workDir), { force: true });
    await rm(agentMetaPath(this.#workDir, agentId), { recursive: true, force: true });
  }

  async writeFramework(
    agentId: string,
    info: FrameworkInfo & { readonly id: { readonly value: string } },
  ): Promise<void> {
    const directory = frameworkMetaPath(this.#workDir, { agentId, frameworkId: info.id.value });
    await mkdir(directory, { recursive: true });
    await writeMessage(join(directory, META_FILES.frameworkInfo), frameworkInfoType, info);
    await writeFileAtomic(join(directory, META_FILES.frameworkPid), '');
  }

  async forgetFramework(ids: Pick<RunIds, 'agentId' | 'frameworkId'>): Promise<void> {
    await rm(frameworkMetaPath(this.#workDir, ids), { recursive: true, force: true });
  }

  /** Before anything of the run is made: the run, its executor and its tasks. */
  async writeRun(ids: RunIds, executor: ExecutorInfo, tasks: readonly PlacedTask[]): Promise<void> {
    await mkdir(runMetaPath(this.#workDir, ids), { recursive: true });
    await writeMessage(join(executorMetaPath(this.#workDir, ids), META_FILES.executorInfo), executorInfoType, executor);
    for (const { info, place } of tasks) {
      const directory = taskMetaPath(this.#workDir, ids, info.task_id.value);
      // An executor may get a task under the id of one that has ended: what was said of that one is not of this one.
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { recursive: true });
      if (place !== undefined) await writePlace(join(directory, META_FILES.taskContainer), place);
      await writeMessage(join(directory, META_FILES.taskInfo), taskInfoType, info);
    }
    await pointLink(join(executorMetaPath(this.#workDir, ids), 'runs', 'latest'), ids.containerId);
  }

  /** `pid` of the process that stands for the container. */
  async writeForkedPid(ids: RunIds, pid: number): Promise<void> {
    const directory = runMetaPath(this.#workDir, ids);
    await mkdir(dirname(join(directory, META_FILES.forkedPid)), { recursive: true });
    await writeFileAtomic(join(directory, META_FILES.forkedPid), `${pid}`);
    await writeFileAtomic(join(directory, META_FILES.httpMarker), '');
  }

  async writeKill(ids: RunIds, taskId: string, kill: KillRequest): Promise<void> {
    const path = join(taskMetaPath(this.#workDir, ids, taskId), META_FILES.taskKill);
    await writeFileAtomic(path, JSON.stringify({ deadline_ms: kill.deadlineMs }));
  }

  /** A status that the framework has to be told. */
  async appendUpdate(ids: RunIds, status: TaskStatus): Promise<void> {
    const { uuid } = status;
    await appendMessage(this.#updatesPath(ids, status.task_id.value), statusUpdateRecordType, {
      type: 'UPDATE',
      update: {
        framework_id: { value: ids.frameworkId },
        executor_id: { value: ids.executorId },
        slave_id: { value: ids.agentId },
        status,
        timestamp: status.timestamp ?? 0,
        latest_state: status.state,
        ...(uuid === undefined ? {} : { uuid }),
      },
    });
  }

  /** The framework has acknowledged the status with this uuid. */
  async appendAcknowledgement(ids: RunIds, taskId: string, uuid: Uint8Array): Promise<void> {
    await appendMessage(this.#updatesPath(ids, taskId), statusUpdateRecordType, { type: 'ACK', uuid });
  }

  /** The run is over and everything of its container is cleaned up. */
  async writeSentinel(ids: RunIds): Promise<void> {
    await writeFileAtomic(join(runMetaPath(this.#workDir, ids), META_FILES.sentinel), '');
  }

  /** Nobody shows the task any more, while its executor goes on. */
  async forgetTask(ids: RunIds, taskId: string): Promise<void> {
    await rm(taskMetaPath(this.#workDir, ids, taskId), { recursive: true, force: true });
  }

  /** Nobody shows the run any more. */
  async forgetRun(ids: RunIds, isLastOfExecutor: boolean): Promise<void> {
    const path = isLastOfExecutor ? executorMetaPath(this.#workDir, ids) : runMetaPath(this.#workDir, ids);
    await rm(path, { recursive: true, force: true });
  }

  #updatesPath(ids: RunIds, taskId: string): string {
    return join(taskMetaPath(this.#workDir, ids, taskId), META_FILES.taskUpdates);
  }
}

async function writePlace(path: string, { containerId, groupId }: TaskPlace): Promise<void> {
  await writeFileAtomic(path, JSON.stringify({ container_id: containerId, group_id: groupId }));
}
