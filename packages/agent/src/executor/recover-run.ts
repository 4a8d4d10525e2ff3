import type { ForkedContainer } from '@drydock/containerizer';
import type { RecoveredRun, RecoveredTask } from '../checkpoint/read-state.ts';
import { sandboxPath } from '../directories.ts';
import { CommandRun } from './command-run.ts';
import type { ExecutorRun } from './executor-run.ts';
import { GroupRun, type RecoveredGroupTask } from './group-run.ts';
import type { ExecutorRunOptions } from './run-options.ts';
import type { RecoveredTaskRun } from './task-run.ts';

/** The containers of an earlier agent that are there, by `containerKey`; undefined: without a process of its own. */
export type RecoveredProcesses = ReadonlyMap<string, ForkedContainer | undefined>;

/** The run that goes on where that of an earlier agent was; undefined when there is nothing to go on with. */
export function recoverRun(
  recovered: RecoveredRun,
  processes: RecoveredProcesses,
  absence: string | undefined,
  options: ExecutorRunOptions,
): ExecutorRun | undefined {
  const { containerId } = recovered.ids;
  const sandbox = sandboxPath(options.workDir, recovered.ids);
  const [task] = recovered.tasks;
  if (task === undefined) return undefined;
  if (recovered.executor.type !== 'DEFAULT') {
    const facts = taskFacts(task, processes.get(containerId), absence);
    return new CommandRun({ ...options, task: task.info, recovered: { ...facts, containerId, sandbox } });
  }
  const tasks = recovered.tasks.flatMap((one): readonly RecoveredGroupTask[] => {
    const { info, place } = one;
    if (place === undefined) return [];
    return [{ ...taskFacts(one, processes.get(`${containerId}/${place.containerId}`), absence), info, place }];
  });
  const isPrepared = processes.has(containerId);
  return new GroupRun({
    ...options,
    executor: recovered.executor,
    tasks: [],
    recovered: { containerId, sandbox, isPrepared, tasks },
  });
}

function taskFacts(
  { statuses, kill }: RecoveredTask,
  process: ForkedContainer | undefined,
  absence: string | undefined,
): Omit<RecoveredTaskRun, 'sandbox'> {
  return {
    statuses,
    ...(process === undefined ? {} : { process }),
    ...(kill === undefined ? {} : { kill }),
    ...(absence === undefined ? {} : { absence }),
  };
}
