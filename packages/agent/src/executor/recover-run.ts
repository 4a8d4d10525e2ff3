import type { ForkedContainer } from '@drydock/containerizer';
import type { RecoveredRun, RecoveredTask } from '../checkpoint/read-state.ts';
import { sandboxPath } from '../directories.ts';
import { CommandRun } from './command-run.ts';
import { CustomRun } from './custom-run.ts';
import type { ExecutorRun } from './executor-run.ts';
import { GroupRun, type RecoveredGroupTask } from './group-run.ts';
import type { ExecutorRunOptions } from './run-options.ts';
import type { RecoveredTaskRun } from './task-run.ts';

/** The containers of an earlier agent that are there, by `containerKey`; undefined: without a process of its own. */
export type RecoveredProcesses = ReadonlyMap<string, ForkedContainer | undefined>;

/** Who ran the tasks: see `createRun`. */
export type ExecutorKind = 'command' | 'default' | 'custom';

export function executorKindOf({ executor, tasks }: RecoveredRun): ExecutorKind {
  if (executor.type === 'DEFAULT') return 'default';
  return tasks.some(({ info }) => info.executor !== undefined) ? 'custom' : 'command';
}

/** The run that goes on where that of an earlier agent was; undefined when there is nothing to go on with. */
export function recoverRun(
  recovered: RecoveredRun,
  processes: RecoveredProcesses,
  absence: string | undefined,
  options: ExecutorRunOptions,
): ExecutorRun | undefined {
  const { executor, ids, tasks, isCompleted } = recovered;
  const { containerId } = ids;
  const sandbox = sandboxPath(options.workDir, ids);
  const [task] = tasks;
  if (task === undefined) return undefined;
  switch (executorKindOf(recovered)) {
    case 'command': {
      const facts = taskFacts(task, processes.get(containerId), absence);
      return new CommandRun({
        ...options,
        task: task.info,
        recovered: { ...facts, containerId, sandbox, isCompleted },
      });
    }
    case 'default': {
      const groupTasks = tasks.flatMap((one): readonly RecoveredGroupTask[] => {
        const { info, place } = one;
        if (place === undefined) return [];
        return [{ ...taskFacts(one, processes.get(`${containerId}/${place.containerId}`), absence), info, place }];
      });
      const isPrepared = processes.has(containerId);
      const left = { containerId, sandbox, isCompleted, isPrepared, tasks: groupTasks };
      return new GroupRun({ ...options, executor, tasks: [], recovered: left });
    }
    case 'custom': {
      const left = { containerId, sandbox, isCompleted, tasks, ...processFacts(processes.get(containerId), absence) };
      return new CustomRun({ ...options, executor, recovered: left });
    }
  }
}

function taskFacts(
  { statuses, kill }: RecoveredTask,
  process: ForkedContainer | undefined,
  absence: string | undefined,
): Omit<RecoveredTaskRun, 'sandbox'> {
  return { statuses, ...(kill === undefined ? {} : { kill }), ...processFacts(process, absence) };
}

function processFacts(
  process: ForkedContainer | undefined,
  absence: string | undefined,
): Pick<RecoveredTaskRun, 'process' | 'absence'> {
  return { ...(process === undefined ? {} : { process }), ...(absence === undefined ? {} : { absence }) };
}
