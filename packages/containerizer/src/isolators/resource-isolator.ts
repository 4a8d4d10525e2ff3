import type { Isolator } from '@drydock/isolator';

/**
 * `posix/cpu`, `posix/mem`, `cgroups/cpu`, `cgroups/mem`: names that `--isolation` may list. Limits are part of the
 * runtime's configuration wherever the machine's control groups allow them, whichever of these is named.
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
