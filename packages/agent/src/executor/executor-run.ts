import type { ContainerID, ContainerStatus, ExecutorInfo, KillPolicy } from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import type { RunJournal } from './run-journal.ts';
import type { TaskRun } from './task-run.ts';

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
  /** In the order in which they came. */
  readonly tasks: readonly TaskRun[];
  readonly journal: RunJournal;
  /** `run` has ended. */
  readonly hasEnded: boolean;
  /** Ends when everything of it is cleaned up; never rejects. */
  run(): Promise<void>;
  /** KILL of the framework; ends a launch promptly. */
  kill(taskId: string, policy: KillPolicy | undefined): Promise<void>;
  /** MESSAGE of the framework. */
  message(): Promise<void>;
  /** The agent or the framework goes away. */
  shutdown(graceMs: number): Promise<void>;
}
