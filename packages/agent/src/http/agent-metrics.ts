/**
 * The agent's `/metrics/snapshot`. Only what the agent knows is there: a name that is missing is not measured.
 * @see docs/monitoring.md, src/slave/metrics.cpp
 */
import { addResources, isTerminalState, scalarOf, type Resource, type TaskState } from '@drydock/mesos';
import type { DockerVolumeStatus } from '@drydock/isolator';
import { tasksOf } from '../frameworks.ts';
import type { Agent } from '../agent.ts';

const ACTIVE_STATES = ['staging', 'starting', 'running', 'killing'] as const;
const ENDED_STATES = ['finished', 'killed', 'failed', 'lost', 'gone'] as const;

/** `startTime` is in seconds since the epoch. Tasks that ended and executors that terminated are counted for good. */
export function agentMetrics(
  agent: Agent,
  startTime: number,
  volumes: DockerVolumeStatus | undefined,
): Record<string, number> {
  const tasks = agent.frameworks.flatMap(tasksOf);
  const active = agent.activeRuns;
  const countOf = (state: TaskState): number => tasks.filter((task) => task.state === state).length;
  const terminatingCount = active.filter((run) => run.tasks.every(({ state }) => isTerminalState(state))).length;
  const registeringCount = active.filter((run) => run.tasks.every(({ state }) => state === 'TASK_STAGING')).length;
  return {
    'slave/uptime_secs': Date.now() / 1000 - startTime,
    'slave/registered': agent.id === undefined ? 0 : 1,
    'slave/frameworks_active': agent.frameworks.length,
    ...Object.fromEntries(ACTIVE_STATES.map((name) => [`slave/tasks_${name}`, countOf(stateNamed(name))])),
    ...Object.fromEntries(
      ENDED_STATES.map((name) => [`slave/tasks_${name}`, agent.endedTaskCounts.get(stateNamed(name)) ?? 0]),
    ),
    'slave/recovery_errors': agent.options.recovered?.state.errorCount ?? 0,
    'slave/executors_registering': registeringCount,
    'slave/executors_running': active.length - registeringCount - terminatingCount,
    'slave/executors_terminating': terminatingCount,
    'slave/executors_terminated': agent.endedContainerCount,
    ...resourceMetrics(agent),
    'containerizer/mesos/container_destroy_errors': agent.options.containerizer.destroyErrorCount,
    ...(volumes === undefined ? {} : volumeMetrics(volumes)),
  };
}

/** `finished` -> `TASK_FINISHED` */
function stateNamed(name: (typeof ACTIVE_STATES)[number] | (typeof ENDED_STATES)[number]): TaskState {
  // The names above are those of states, in lower case.
  return `TASK_${name.toUpperCase()}` as TaskState;
}

/** Names of ours: upstream does not measure them. Calls are counted since the agent started. */
function volumeMetrics({ counts, pending }: DockerVolumeStatus): Record<string, number> {
  const prefix = 'containerizer/mesos/docker_volume';
  return {
    [`${prefix}/mounts`]: counts.mounts,
    [`${prefix}/mount_errors`]: counts.mountErrors,
    [`${prefix}/unmounts`]: counts.unmounts,
    [`${prefix}/unmount_errors`]: counts.unmountErrors,
    [`${prefix}/pending_unmounts`]: pending.filter(({ volume }) => volume !== undefined).length,
  };
}

function resourceMetrics(agent: Agent): Record<string, number> {
  const running = agent.frameworks.flatMap(tasksOf).filter(({ state }) => !isTerminalState(state));
  const groups = agent.activeRuns.filter(({ isCommand }) => !isCommand);
  const held = [...running.map(({ task }) => task.resources), ...groups.map(({ executor }) => executor.resources)];
  const used = held.reduce<readonly Resource[]>((sum, resources) => addResources(sum, resources ?? []), []);
  const metrics: Record<string, number> = {};
  for (const name of ['cpus', 'gpus', 'mem', 'disk']) {
    const totalAmount = scalarOf(agent.options.resources, name);
    const usedAmount = scalarOf(used, name);
    metrics[`slave/${name}_total`] = totalAmount;
    metrics[`slave/${name}_used`] = usedAmount;
    metrics[`slave/${name}_percent`] = totalAmount === 0 ? 0 : usedAmount / totalAmount;
  }
  return metrics;
}
