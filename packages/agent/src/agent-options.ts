import type { Logger } from '@drydock/base/log';
import type { MesosContainerizer } from '@drydock/containerizer';
import type { Attribute, Resource, VirtualFiles } from '@drydock/mesos';
import type { RecoveredState } from './checkpoint/read-state.ts';
import type { RecoveredProcesses } from './executor/recover-run.ts';

export interface AgentOptions {
  /** `--master`. */
  readonly master: string;
  readonly workDir: string;
  readonly hostname: string;
  readonly ip: string;
  readonly port: number;
  readonly version: string;
  readonly resources: readonly Resource[];
  readonly attributes: readonly Attribute[];
  readonly isSwitchingUser: boolean;
  readonly hasDockerVolumes: boolean;
  /** `--executor_environment_variables`. */
  readonly executorEnvironmentVariables: Readonly<Record<string, string>>;
  readonly executorShutdownGraceMs: number;
  /** `--executor_registration_timeout`: from the launch of a custom executor to its first SUBSCRIBE. */
  readonly executorRegistrationTimeoutMs: number;
  /** `--executor_reregistration_timeout`: the same for one of an earlier agent. */
  readonly executorReregistrationTimeoutMs: number;
  /** `--recovery_timeout`, which executors of frameworks with `checkpoint` are told. */
  readonly recoveryTimeoutMs: number;
  /** `--max_completed_executors_per_framework`. */
  readonly completedExecutorCountMax: number;
  readonly containerizer: Pick<
    MesosContainerizer,
    'launch' | 'launchWithoutProcess' | 'update' | 'destroy' | 'destroyErrorCount' | 'wait' | 'signal' | 'remove'
  >;
  readonly files: VirtualFiles;
  readonly logger: Logger;
  /** What an earlier agent on this `workDir` has left, and the processes of its containers. */
  readonly recovered?: {
    readonly state: RecoveredState;
    readonly processes: RecoveredProcesses;
    /** Why containers without a process have none, if that was long before this agent. */
    readonly absence?: string;
  };
  /** The master does not take the agent: what it runs goes on. */
  readonly onRefused: (message: string) => void;
  /** The master wants the agent and all that it runs to end. */
  readonly onShutdown: (message: string) => void;
}
