/**
 * The agent's `/containers`, `/monitor/statistics` and `/containerizer/debug`: every container that is not cleaned up
 * yet.
 * @see src/slave/http.cpp
 */
import { join } from 'node:path';
import { isTerminalState, scalarOf, type ResourceStatistics } from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import type { TaskRun } from '../executor/task-run.ts';
import { executorName } from './agent-state.ts';
import { containerUsage } from './container-usage.ts';

const CGROUP_MOUNT_ROOT = '/sys/fs/cgroup';
/** Of `--cgroups_root`. */
const CGROUPS_ROOT = 'mesos';
const BYTES_PER_MEBIBYTE = 1024 * 1024;

/** `/containers`. `cgroupsRoot` is the parent of the containers' groups. */
export async function agentContainers(agent: Agent, cgroupsRoot?: string): Promise<readonly Record<string, unknown>[]> {
  return await Promise.all(
    agent.activeRuns.map(async (run) => ({
      container_id: run.containerId.value,
      ...executorIds(run),
      status: run.containerStatus,
      statistics: await statisticsOf(run, cgroupsRoot),
    })),
  );
}

/** `/monitor/statistics`. */
export async function agentStatistics(agent: Agent, cgroupsRoot?: string): Promise<readonly Record<string, unknown>[]> {
  return await Promise.all(
    agent.activeRuns.map(async (run) => ({ ...executorIds(run), statistics: await statisticsOf(run, cgroupsRoot) })),
  );
}

/** `/containerizer/debug`: what the containerizer has been asked for and has not finished. */
export function pendingOperations(agent: Agent): readonly Record<string, unknown>[] {
  return agent.activeRuns.flatMap((run) => {
    const args = { containerId: run.containerId.value };
    if (isTerminalState(run.state)) return [{ operation: 'MesosContainerizer::destroy', args }];
    return run.state === 'TASK_STAGING' ? [{ operation: 'MesosContainerizer::launch', args }] : [];
  });
}

function executorIds(run: TaskRun): Record<string, unknown> {
  return {
    framework_id: run.ids.frameworkId,
    executor_id: run.ids.executorId,
    executor_name: executorName(run),
    source: run.ids.executorId,
  };
}

/** The limits are those of the task's resources, as upstream. */
export async function statisticsOf(run: TaskRun, cgroupsRoot: string = CGROUPS_ROOT): Promise<ResourceStatistics> {
  const resources = run.task.resources ?? [];
  return {
    timestamp: Date.now() / 1000,
    cpus_limit: scalarOf(resources, 'cpus'),
    mem_limit_bytes: scalarOf(resources, 'mem') * BYTES_PER_MEBIBYTE,
    ...(await containerUsage(CGROUP_MOUNT_ROOT, join(cgroupsRoot, run.containerId.value))),
  };
}
