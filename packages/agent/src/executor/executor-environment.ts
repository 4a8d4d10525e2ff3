import { formatDurationMs } from '@drydock/base/gflags';
import { formatAddress, formatPid, type FrameworkInfo } from '@drydock/mesos';
import type { RunIds } from '../directories.ts';

/** What of the agent an executor is told. */
export interface ExecutorEnvironmentSource {
  readonly ip: string;
  readonly port: number;
  readonly executorShutdownGraceMs: number;
  readonly executorReregistrationTimeoutMs: number;
  readonly recoveryTimeoutMs: number;
  /** `--executor_environment_variables`. */
  readonly executorEnvironmentVariables: Readonly<Record<string, string>>;
}

/**
 * The environment that the agent gives to every executor; nothing of its own environment is passed on.
 * @see src/slave/slave.cpp executorEnvironment
 */
export function executorEnvironment(
  agent: ExecutorEnvironmentSource,
  framework: FrameworkInfo,
  ids: RunIds,
  sandbox: string,
): Readonly<Record<string, string>> {
  const ofCheckpointed = {
    MESOS_RECOVERY_TIMEOUT: formatDurationMs(agent.recoveryTimeoutMs),
    MESOS_SUBSCRIPTION_BACKOFF_MAX: formatDurationMs(agent.executorReregistrationTimeoutMs),
  };
  return {
    ...agent.executorEnvironmentVariables,
    LIBPROCESS_PORT: '0',
    MESOS_FRAMEWORK_ID: ids.frameworkId,
    MESOS_EXECUTOR_ID: ids.executorId,
    MESOS_SLAVE_ID: ids.agentId,
    MESOS_DIRECTORY: sandbox,
    MESOS_SLAVE_PID: formatPid('slave(1)', agent),
    MESOS_AGENT_ENDPOINT: formatAddress(agent),
    MESOS_CHECKPOINT: framework.checkpoint === true ? '1' : '0',
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: formatDurationMs(agent.executorShutdownGraceMs),
    ...(framework.checkpoint === true ? ofCheckpointed : {}),
  };
}
