/** A driver client for tests: what it was asked to do, and answers that the test decides. */
import type { DriverClient } from './driver-client.ts';
import { volumeId, type DriverOption, type VolumeKey } from './volume-key.ts';

export class RecordingDriver implements DriverClient {
  /** `mount driver/name`, in the order in which they began; mounts with options end in ` k=v,...`. */
  readonly calls: string[] = [];
  readonly mounted: Set<string> = new Set();
  /** Throw or wait here to fail or hold a call; gives the mountpoint. */
  onMount: (key: VolumeKey, signal: AbortSignal) => Promise<string>;
  onUnmount: (key: VolumeKey) => Promise<void> = async () => await Promise.resolve();

  /** Set: as a dvdcli 0.1, which cannot tell. */
  isBlind = false;

  constructor(mountpoint: string) {
    this.onMount = async () => await Promise.resolve(mountpoint);
  }

  async mount(key: VolumeKey, options: readonly DriverOption[], { signal }: { signal: AbortSignal }): Promise<string> {
    const suffix = options.map((option) => `${option.key}=${option.value}`).join(',');
    this.calls.push(`mount ${key.driver}/${key.name}${suffix === '' ? '' : ` ${suffix}`}`);
    const mountpoint = await this.onMount(key, signal);
    this.mounted.add(volumeId(key));
    return mountpoint;
  }

  async unmount(key: VolumeKey): Promise<void> {
    this.calls.push(`unmount ${key.driver}/${key.name}`);
    await this.onUnmount(key);
    this.mounted.delete(volumeId(key));
  }

  async inspect(key: VolumeKey): Promise<{ readonly mountpoint?: string } | 'unknown'> {
    if (this.isBlind) return 'unknown';
    return await Promise.resolve(this.mounted.has(volumeId(key)) ? { mountpoint: '/seen' } : {});
  }
}
