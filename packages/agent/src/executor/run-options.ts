import type { Logger } from '@drydock/base/log';
import type { MesosContainerizer } from '@drydock/containerizer';
import type { FrameworkID, FrameworkInfo, TaskStatus } from '@drydock/mesos';
import type { RunIds } from '../directories.ts';
import type { RunJournal } from './run-journal.ts';
import type { ExecutorRun } from './executor-run.ts';
import type { TaskRecord } from './task-record.ts';

/** What every executor's run needs of its agent. */
export interface ExecutorRunOptions {
  readonly framework: FrameworkInfo & { readonly id: FrameworkID };
  readonly agentId: string;
  readonly workDir: string;
  readonly hostname: string;
  /** `--switch_user`: run as the task's user, else as the agent's. */
  readonly isSwitchingUser: boolean;
  /** `--isolation` has docker/volume. */
  readonly hasDockerVolumes: boolean;
  /** `--executor_environment_variables` and what every executor gets. */
  readonly executorEnvironment: (ids: RunIds, sandbox: string) => Readonly<Record<string, string>>;
  readonly containerizer: Pick<MesosContainerizer, 'launch' | 'launchWithoutProcess' | 'update' | 'destroy'>;
  readonly logger: Logger;
  /** `--executor_registration_timeout`. */
  readonly registrationTimeoutMs: number;
  /** `--executor_reregistration_timeout`. */
  readonly reregistrationTimeoutMs: number;
  readonly journalOf: (ids: RunIds) => RunJournal;
  /** The sandbox of the executor is there. */
  readonly onSandbox: (run: ExecutorRun, sandbox: string) => void;
  /** An executor has something to say to its framework. Resolves when that is sent or lost; never rejects. */
  readonly onMessage: (run: ExecutorRun, data: Uint8Array) => Promise<void>;
  /** Whether the framework has so much of the task to acknowledge that nothing more is taken of it. */
  readonly isCongested: (task: TaskRecord) => boolean;
  /** Resolves when the status is written down; never rejects. */
  readonly onStatus: (run: ExecutorRun, task: TaskRecord, status: TaskStatus) => Promise<void>;
}
