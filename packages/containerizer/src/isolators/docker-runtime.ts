/**
 * `docker/runtime`: command, environment and working directory of a container from its image.
 * @see src/slave/containerizer/mesos/isolators/docker/runtime.cpp
 */
import { DomainError } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ContainerConfig, ContainerLaunchInfo, ImageRuntimeConfig, Isolator } from '@drydock/isolator';
import type { CommandInfo, ContainerID } from '@drydock/mesos';

/** The image and the task together do not give a command. */
export class DockerRuntimeError extends DomainError<'DOCKER_RUNTIME_FAILED'> {
  readonly code = 'DOCKER_RUNTIME_FAILED';
}

export class DockerRuntimeIsolator implements Isolator {
  readonly name = 'docker/runtime';
  readonly supportsNesting = true;
  readonly #logger: Logger;

  constructor(options: { readonly logger: Logger }) {
    this.#logger = options.logger;
  }

  async recover(): Promise<void> {
    // Nothing is kept between launches.
  }

  async prepare(containerId: ContainerID, config: ContainerConfig): Promise<ContainerLaunchInfo | undefined> {
    const { container, image, command } = config;
    if (container === undefined) return undefined;
    if (container.type !== 'MESOS')
      throw new DockerRuntimeError('Can only prepare docker runtime for a MESOS container');
    if (image === undefined || command === undefined) return undefined;
    if (image.user !== undefined && image.user !== '') {
      this.#logger.warning('The user of the image is ignored', { containerId: containerId.value, user: image.user });
    }
    const { workingDirectory } = image;
    return {
      argv: launchArgv(command, image),
      environment: imageEnvironment(image),
      ...(workingDirectory === undefined || workingDirectory === '' ? {} : { workingDirectory }),
    };
  }

  async cleanup(): Promise<void> {
    // Nothing was made.
  }
}

/**
 * The table of shell, value and arguments against Entrypoint and Cmd.
 *
 * Without a shell, `arguments` is the whole argv with its name in front, and `value` the file to execute.
 * DEVIATION: upstream executes `value` under the name `arguments[0]`; an OCI runtime has no separate name, so the task
 * sees `value` there.
 */
export function launchArgv(command: CommandInfo, image: ImageRuntimeConfig): readonly string[] {
  const { shell = true, value, arguments: args = [] } = command;
  const { entrypoint, cmd } = image;
  const fail = (why: string): DockerRuntimeError =>
    new DockerRuntimeError(`Failed to determine the launch command: ${why}`);
  if (shell) {
    if (value === undefined) throw fail('Shell specified but no command value provided');
    return ['/bin/sh', '-c', value];
  }
  if (value !== undefined) return [value, ...args.slice(1)];
  const [executable] = cmd;
  if (entrypoint.length > 0) return args.length > 0 ? [...entrypoint, ...args] : [...entrypoint, ...cmd];
  if (executable === undefined) throw fail('No executable is found');
  return args.length > 0 ? [executable, ...args] : cmd;
}

function imageEnvironment(image: ImageRuntimeConfig): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const entry of image.env) {
    const separator = entry.indexOf('=');
    if (separator > 0) environment[entry.slice(0, separator)] = entry.slice(separator + 1);
  }
  return environment;
}
