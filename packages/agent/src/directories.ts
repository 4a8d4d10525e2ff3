/**
 * Where things lie below `--work_dir`.
 * @see src/slave/paths.hpp
 */
import { join } from 'node:path';

/** Names one run of an executor. */
export interface RunIds {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly executorId: string;
  readonly containerId: string;
}

/** `slaves/<agent>/frameworks/<framework>/executors/<executor>`, below a root. */
function executorPath(root: string, ids: Omit<RunIds, 'containerId'>): string {
  return join(root, 'slaves', ids.agentId, 'frameworks', ids.frameworkId, 'executors', ids.executorId);
}

/** The sandbox of a run. */
export function sandboxPath(workDir: string, ids: RunIds): string {
  return join(executorPath(workDir, ids), 'runs', ids.containerId);
}

/** The link beside the runs that points to the newest one. */
export function latestRunPath(workDir: string, ids: Omit<RunIds, 'containerId'>): string {
  return join(executorPath(workDir, ids), 'runs', 'latest');
}

/** The link to the directory of the agent's current id. */
export function latestAgentPath(workDir: string): string {
  return join(workDir, 'slaves', 'latest');
}

/** Under which names `/files` shows a sandbox, beside its own path. @see src/slave/slave.cpp Framework::addExecutor */
export function virtualSandboxPaths(workDir: string, ids: RunIds): readonly string[] {
  return [
    latestRunPath(workDir, ids),
    `/frameworks/${ids.frameworkId}/executors/${ids.executorId}/runs/latest`,
    `/frameworks/${ids.frameworkId}/executors/${ids.executorId}/runs/${ids.containerId}`,
  ];
}
