import type { RunResult } from '@drydock/base/subprocess';

/** What mesos-execute is asked to run. */
export interface ExecuteOptions {
  readonly command: string;
  /** Task name and id; default `test`. */
  readonly name?: string;
  /** Default `ubuntu:14.04`; null = no image, the task sees the host's file system. */
  readonly image?: string | null;
  /** The value of `--volumes`: a file, or JSON. */
  readonly volumes?: string;
  /** Further flags. */
  readonly flags?: readonly string[];
  /** Ends mesos-execute. */
  readonly signal?: AbortSignal;
}

/** How it went. */
export interface ExecutedTask {
  readonly result: RunResult;
  readonly frameworkId: string;
  /** In the order in which they came: `TASK_STARTING`, ... */
  readonly states: readonly string[];
  /** Of the last status. */
  readonly message: string;
  /** Host path; undefined when the task got none. */
  readonly sandbox: string | undefined;
  /** Of the sandbox; empty without one. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a task wrote. */
export interface TaskFiles {
  readonly directory: string;
  read(file: string): Promise<string>;
}

export function executeFlags(master: string, options: ExecuteOptions): readonly string[] {
  const { command, name = 'test', image = 'ubuntu:14.04', volumes, flags = [] } = options;
  return [
    `--master=${master}`,
    `--name=${name}`,
    ...(image === null ? [] : [`--docker_image=${image}`]),
    `--command=${command}`,
    ...(volumes === undefined ? [] : [`--volumes=${volumes}`]),
    ...flags,
  ];
}

export async function toExecutedTask(
  result: RunResult,
  options: ExecuteOptions,
  findSandbox: (frameworkId: string, taskId: string) => Promise<TaskFiles | undefined>,
): Promise<ExecutedTask> {
  const frameworkId = /^Subscribed with ID (\S+)$/m.exec(result.stdout)?.[1] ?? '';
  const sandbox = frameworkId === '' ? undefined : await findSandbox(frameworkId, options.name ?? 'test');
  return {
    result,
    frameworkId,
    sandbox: sandbox?.directory,
    states: [...result.stdout.matchAll(/^Received status update (TASK_\w+)/gm)].map(([, state = '']) => state),
    message: result.stdout.split("  message: '").at(-1)?.split("'\n")[0] ?? '',
    stdout: (await sandbox?.read('stdout')) ?? '',
    stderr: (await sandbox?.read('stderr')) ?? '',
  };
}
