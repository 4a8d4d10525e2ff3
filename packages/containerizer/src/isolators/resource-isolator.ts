import type { Isolator } from '@drydock/isolator';

/**
 * `posix/cpu`, `posix/mem`, `cgroups/cpu`, `cgroups/mem`: names that `--isolation` may list. Limits are part of the
 * runtime's configuration wherever the machine's control groups allow them.
 *
 * DEVIATION: upstream limits a container only when `cgroups/cpu` and `cgroups/mem` are named, and refuses to start where
 * it cannot. Here every container has the limits of its resources, whichever of these is named, and where the control
 * groups cannot be written the agent starts, and says that containers run without limits.
 */
export class ResourceIsolator implements Isolator {
  readonly name: string;
  readonly supportsNesting = true;

  constructor(name: string) {
    this.name = name;
  }

  async recover(): Promise<void> {
    // The runtime keeps the control groups.
  }

  async prepare(): Promise<undefined> {
    // The launcher sets the limits.
  }

  async cleanup(): Promise<void> {
    // The runtime removes the control groups.
  }
}
