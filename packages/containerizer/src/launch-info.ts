/**
 * Merges what the isolators ask for into the one command line of a container. Pure.
 * @see src/slave/containerizer/mesos/containerizer.cpp MesosContainerizerProcess::_launch
 */
import type { ContainerConfig, ContainerLaunchInfo, ContainerMount } from '@drydock/isolator';
import type { CommandInfo } from '@drydock/mesos';
import { LaunchFailedError } from './errors.ts';

/** A container with a process of its own. */
export type CommandConfig = ContainerConfig & { readonly command: CommandInfo };

/** Everything the launcher needs to know about the process to start. */
export interface MergedLaunchInfo {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly mounts: readonly ContainerMount[];
  /** The line of the document's executor output, for shell commands: `sh -c 'ls /tmp/myvolume'`. */
  readonly announcement?: string;
}

export interface MergeOptions {
  /** In isolator order. */
  readonly infos: readonly ContainerLaunchInfo[];
  readonly config: CommandConfig;
  /** What the agent gives to every executor. */
  readonly executorEnvironment: Readonly<Record<string, string>>;
  /** The sandbox as the container sees it: MESOS_SANDBOX and the default working directory. */
  readonly sandboxInContainer: string;
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Later wins in the environment: executor, MESOS_SANDBOX, isolators (that is the image), the task's own command.
 * @throws LaunchFailedError when isolators contradict each other or the command cannot be run
 */
export function mergeLaunchInfos(options: MergeOptions): MergedLaunchInfo {
  const { infos, config, sandboxInContainer } = options;
  const { command } = config;
  const environment: Record<string, string> = {
    PATH: DEFAULT_PATH,
    ...options.executorEnvironment,
    MESOS_SANDBOX: sandboxInContainer,
  };
  for (const info of infos) Object.assign(environment, info.environment);
  for (const { name, type, value } of command.environment?.variables ?? []) {
    if (type === 'SECRET') {
      throw new LaunchFailedError(`Environment variable '${name}' of type 'SECRET' is not supported`);
    }
    if (name === '' || /[=\0]/.test(name) || value?.includes('\0') === true) {
      throw new LaunchFailedError(`Environment variable '${name}' has a name or value that no process can have`);
    }
    environment[name] = value ?? '';
  }
  const argv = single(infos, 'argv', 'commands') ?? commandArgv(command);
  return {
    argv,
    environment,
    workingDirectory: single(infos, 'workingDirectory', 'working directory') ?? sandboxInContainer,
    mounts: infos.flatMap((info) => info.mounts ?? []),
    ...(command.shell !== false && command.value !== undefined ? { announcement: `sh -c '${command.value}'` } : {}),
  };
}

function single<Field extends 'argv' | 'workingDirectory'>(
  infos: readonly ContainerLaunchInfo[],
  field: Field,
  noun: string,
): ContainerLaunchInfo[Field] | undefined {
  const values = infos.map((info) => info[field]).filter((value) => value !== undefined);
  if (values.length > 1) throw new LaunchFailedError(`Multiple isolators specify ${noun}`);
  return values[0];
}

/** argv of a command on its own, without an image that could complete it. */
function commandArgv(command: CommandInfo): readonly string[] {
  const { shell = true, value, arguments: args = [] } = command;
  if (shell) {
    if (value === undefined) throw new LaunchFailedError('Shell specified but no command value provided');
    return ['/bin/sh', '-c', value];
  }
  if (value === undefined) throw new LaunchFailedError('No executable is found');
  return [value, ...args.slice(1)];
}
