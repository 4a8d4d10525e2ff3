/**
 * The agent's `/containers`, `/monitor/statistics` and `/containerizer/debug`: every container that is not cleaned up
 * yet; `/containers` also has those that are gone while their Docker volumes are still being let go of.
 * @see src/slave/http.cpp
 */
import { join } from 'node:path';
import type { DockerVolumeStatus } from '@drydock/isolator';
import { addResources, isTerminalState, scalarOf, type Resource, type ResourceStatistics } from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import type { ExecutorRun } from '../executor/executor-run.ts';
import { containerUsage } from './container-usage.ts';

const CGROUP_MOUNT_ROOT = '/sys/fs/cgroup';
/** Of `--cgroups_root`. */
const CGROUPS_ROOT = 'mesos';
const BYTES_PER_MEBIBYTE = 1024 * 1024;

/** A volume that a container held and that its driver has not unmounted yet. Not in upstream. */
interface PendingUnmount {
  readonly driver: string;
  readonly name: string;
  /** Attempts that failed; it is tried again. */
  readonly failed_count: number;
  /** Of the last attempt that failed. */
  readonly error?: string;
}

/** `/containers`. `cgroupsRoot` is the parent of the containers' groups; `volumes` is undefined without docker/volume. */
export async function agentContainers(
  agent: Agent,
  volumes: DockerVolumeStatus | undefined,
  cgroupsRoot?: string,
): Promise<readonly Record<string, unknown>[]> {
  const unmounts = pendingUnmounts(volumes);
  const unmountsOf = (id: string): { readonly pending_unmounts?: readonly PendingUnmount[] } => {
    const pending = unmounts.get(id);
    return pending === undefined ? {} : { pending_unmounts: pending };
  };
  const { activeRuns } = agent;
  const active = await Promise.all(
    activeRuns.map(async (run) => ({
      container_id: run.containerId.value,
      ...executorIds(run),
      status: run.containerStatus,
      statistics: await statisticsOf(run, cgroupsRoot),
      ...unmountsOf(run.containerId.value),
    })),
  );
  for (const run of activeRuns) unmounts.delete(run.containerId.value);
  if (unmounts.size === 0) return active;
  const runs = new Map(endedRuns(agent).map((run) => [run.containerId.value, run]));
  const gone = [...unmounts.keys()].map((id) => {
    const run = runs.get(id);
    return { container_id: id, ...(run === undefined ? {} : executorIds(run)), ...unmountsOf(id) };
  });
  return [...active, ...gone];
}

/** By container id. */
function pendingUnmounts(volumes: DockerVolumeStatus | undefined): Map<string, PendingUnmount[]> {
  const unmounts = new Map<string, PendingUnmount[]>();
  for (const { containerIds, volume, failedCount, error } of volumes?.pending ?? []) {
    if (volume === undefined) continue;
    const { driver, name } = volume;
    const unmount = { driver, name, failed_count: failedCount, ...(error === undefined ? {} : { error }) };
    for (const { value } of containerIds) unmounts.set(value, [...(unmounts.get(value) ?? []), unmount]);
  }
  return unmounts;
}

/** Those that the agent still knows. */
function endedRuns({ frameworks, completedFrameworks }: Agent): readonly ExecutorRun[] {
  return [...frameworks, ...completedFrameworks].flatMap(({ runs, completed }) => [...runs.values(), ...completed]);
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
    return run.pendingOperation === undefined
      ? []
      : [{ operation: `MesosContainerizer::${run.pendingOperation}`, args }];
  });
}

function executorIds(run: ExecutorRun): Record<string, unknown> {
  return {
    framework_id: run.ids.frameworkId,
    executor_id: run.ids.executorId,
    executor_name: run.executor.name ?? '',
    source: run.executor.source ?? '',
  };
}

/** Those of the executor and, where its tasks have containers of their own, of these. */
function limitsOf({ executor, isCommand, tasks }: ExecutorRun): readonly Resource[] {
  const own = executor.resources ?? [];
  if (isCommand) return own;
  const running = tasks.filter(({ state }) => !isTerminalState(state));
  return running.reduce<readonly Resource[]>((sum, { task }) => addResources(sum, task.resources ?? []), own);
}

/** The limits are those of the resources, as upstream. */
export async function statisticsOf(run: ExecutorRun, cgroupsRoot: string = CGROUPS_ROOT): Promise<ResourceStatistics> {
  const resources = limitsOf(run);
  return {
    timestamp: Date.now() / 1000,
    cpus_limit: scalarOf(resources, 'cpus'),
    mem_limit_bytes: scalarOf(resources, 'mem') * BYTES_PER_MEBIBYTE,
    ...(await containerUsage(CGROUP_MOUNT_ROOT, join(cgroupsRoot, run.containerId.value))),
  };
}
