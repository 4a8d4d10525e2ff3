/**
 * The agent's `/containers` and `/monitor/statistics`: every container that is not cleaned up yet.
 * @see src/slave/http.cpp
 */
import { join } from 'node:path';
import { scalarOf } from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import type { TaskRun } from '../executor/task-run.ts';
import { executorName } from './agent-state.ts';
import { containerUsage } from './container-usage.ts';

const CGROUP_MOUNT_ROOT = '/sys/fs/cgroup';
const BYTES_PER_MEBIBYTE = 1024 * 1024;

/** `/containers` */
export function agentContainers(agent: Agent): readonly Record<string, unknown>[] {
  return agent.activeRuns.map((run) => ({
    container_id: run.containerId.value,
    ...executorIds(run),
    status: { container_id: run.containerId },
  }));
}

/** `/monitor/statistics`. `cgroupsRoot` is the parent of the containers' groups. */
export async function agentStatistics(
  agent: Agent,
  cgroupsRoot = 'mesos',
): Promise<readonly Record<string, unknown>[]> {
  return await Promise.all(
    agent.activeRuns.map(async (run) => ({ ...executorIds(run), statistics: await statisticsOf(run, cgroupsRoot) })),
  );
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
async function statisticsOf(run: TaskRun, cgroupsRoot: string): Promise<Record<string, number>> {
  const resources = run.task.resources ?? [];
  return {
    timestamp: Date.now() / 1000,
    cpus_limit: scalarOf(resources, 'cpus'),
    mem_limit_bytes: scalarOf(resources, 'mem') * BYTES_PER_MEBIBYTE,
    ...(await containerUsage(CGROUP_MOUNT_ROOT, join(cgroupsRoot, run.containerId.value))),
  };
}
