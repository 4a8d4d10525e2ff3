import type { ExecutorInfo } from '@drydock/mesos';
import { CustomRun } from './custom-run.ts';
import type { ExecutorRun, TaskLaunch } from './executor-run.ts';
import { GroupRun } from './group-run.ts';
import type { ExecutorRunOptions } from './run-options.ts';

/** The run of an executor that tasks name: one that the agent hosts, or a program of the framework's. */
export function createRun(options: ExecutorRunOptions, executor: ExecutorInfo, launch: TaskLaunch): ExecutorRun {
  return executor.type === 'DEFAULT'
    ? new GroupRun({ ...options, executor, tasks: launch.tasks })
    : new CustomRun({ ...options, executor, launch });
}
