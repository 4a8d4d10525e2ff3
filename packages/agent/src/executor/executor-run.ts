import type { ContainerID, ContainerStatus, ExecutorInfo, KillPolicy, TaskInfo } from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import type { RunJournal } from './run-journal.ts';
import type { TaskRecord } from './task-record.ts';

/** What the master asks the agent to run: a task, or tasks that start together. */
export interface TaskLaunch {
  readonly tasks: readonly TaskInfo[];
  /** They came as a group. */
  readonly isGroup: boolean;
}

/** One run of an executor with its tasks, from its launch to the end of its container's clean-up. */
export interface ExecutorRun {
  readonly ids: RunIds;
  readonly executor: ExecutorInfo;
  /** It is there for one task, in whose container it is, and the master knows it by that task only. */
  readonly isCommand: boolean;
  /** The framework wants its containers to outlive the agent. */
  readonly isCheckpointed: boolean;
  readonly containerId: ContainerID;
  /** Who runs what has no user of its own. */
  readonly user: string;
  readonly containerStatus: ContainerStatus;
  /** Of the executor; undefined before it is made. */
  readonly sandbox: string | undefined;
  /** Nobody but the agent can put anything into the sandbox. */
  readonly isSandboxOfAgent: boolean;
  /** In the order in which they came. */
  readonly tasks: readonly TaskRecord[];
  readonly journal: RunJournal;
  /** What the containerizer has been asked for and has not finished. */
  readonly pendingOperation: 'launch' | 'destroy' | undefined;
  /** `run` has ended. */
  readonly hasEnded: boolean;
  /** How its process has ended, as wait(2) tells; 0 for one that the agent hosts, -1 when nobody knows. */
  readonly waitStatus: number;

  /** Ends when everything of it is cleaned up; never rejects. */
  run(): Promise<void>;
  /** Further tasks; false when it takes none, or none any more. */
  launch(launch: TaskLaunch): boolean;
  /** KILL of the framework; ends a launch promptly. */
  kill(taskId: string, policy: KillPolicy | undefined): Promise<void>;
  /** MESSAGE of the framework. */
  message(data: Uint8Array): Promise<void>;
  /** The agent or the framework goes away. */
  shutdown(graceMs: number): Promise<void>;
}

/** Of a run that is launched with its first task and destroyed with its last one. */
export function pendingOperationOf(tasks: readonly TaskRecord[]): 'launch' | 'destroy' | undefined {
  if (tasks.every(({ isOver }) => isOver)) return 'destroy';
  return tasks.some(({ state }) => state === 'TASK_STAGING') ? 'launch' : undefined;
}
