/**
 * Where an agent keeps what the next one on its `--work_dir` has to know.
 * @see src/slave/paths.hpp
 */
import { join } from 'node:path';
import type { RunIds } from '../directories.ts';

/** `<work_dir>/meta`. */
export function metaPath(workDir: string): string {
  return join(workDir, 'meta');
}

export function bootIdPath(workDir: string): string {
  return join(metaPath(workDir), 'boot_id');
}

/** Link to the directory of the agent whose state is to be recovered. */
export function latestMetaPath(workDir: string): string {
  return join(metaPath(workDir), 'slaves', 'latest');
}

export function agentMetaPath(workDir: string, agentId: string): string {
  return join(metaPath(workDir), 'slaves', agentId);
}

export function frameworkMetaPath(workDir: string, ids: Pick<RunIds, 'agentId' | 'frameworkId'>): string {
  return join(agentMetaPath(workDir, ids.agentId), 'frameworks', ids.frameworkId);
}

export function executorMetaPath(workDir: string, ids: Omit<RunIds, 'containerId'>): string {
  return join(frameworkMetaPath(workDir, ids), 'executors', ids.executorId);
}

export function runMetaPath(workDir: string, ids: RunIds): string {
  return join(executorMetaPath(workDir, ids), 'runs', ids.containerId);
}

export function taskMetaPath(workDir: string, ids: RunIds, taskId: string): string {
  return join(runMetaPath(workDir, ids), 'tasks', taskId);
}

/** Names of the files in those directories. */
export const META_FILES = {
  agentInfo: 'slave.info',
  frameworkInfo: 'framework.info',
  frameworkPid: 'framework.pid',
  executorInfo: 'executor.info',
  /** The run is over and everything of it is cleaned up. */
  sentinel: 'executor.sentinel',
  forkedPid: 'pids/forked.pid',
  /** The executor has no libprocess pid. */
  httpMarker: 'pids/http.marker',
  taskInfo: 'task.info',
  taskUpdates: 'task.updates',
  /** Not in upstream, whose executor remembers it: a kill was asked for. */
  taskKill: 'task.kill',
  /** Not in upstream, whose default executor remembers it: the nested container of the task. */
  taskContainer: 'task.container',
} as const;
