import type { Logger } from '@drydock/base/log';
import type { Isolator } from '@drydock/isolator';
import type { Cgroups } from './launcher/cgroups.ts';
import type { Launcher } from './launcher/launcher.ts';
import type { Provisioner } from './provisioner/provisioner.ts';

export interface MesosContainerizerOptions {
  readonly runtimeDir: string;
  /** `--sandbox_directory`: where a container with an image sees its sandbox. */
  readonly sandboxDirectory: string;
  readonly initPath: string;
  /** Whether the group of terminals, 5, exists for this process. */
  readonly hasTerminalGroup: boolean;
  /** In the order in which they prepare. */
  readonly isolators: readonly Isolator[];
  readonly launcher: Launcher;
  /** Absent without `--image_providers`. */
  readonly provisioner?: Provisioner;
  readonly cgroups?: Cgroups;
  readonly logger: Logger;
}
