import { posix } from 'node:path';
import { assert, DomainError, messageOf } from '@drydock/base/errors';
import { KeyedSequencer } from '@drydock/base/keyed-sequencer';
import type { Logger } from '@drydock/base/log';
import type { FileSystemPort, RandomPort } from '@drydock/base/ports';
import type { ContainerID } from '@drydock/mesos';
import type { ContainerConfig, ContainerLaunchInfo, ContainerMount, Isolator } from '../isolator.ts';
import { DriverCallError, type DriverClient } from './driver-client.ts';
import { prepareMountTarget } from './mount-target.ts';
import { requestedVolumes, type RequestedVolume } from './requested-volumes.ts';
import { VolumeCheckpoints } from './volume-checkpoint.ts';
import { decide, needsUnmount, type VolumeEvent, type VolumeInUse } from './volume-in-use.ts';
import { volumeId, type VolumeKey } from './volume-key.ts';

export interface DockerVolumeIsolatorOptions {
  readonly client: DriverClient;
  /** `--docker_volume_checkpoint_dir`. */
  readonly checkpointDir: string;
  /** `--sandbox_directory`: the sandbox as a container with a rootfs sees it. */
  readonly sandboxDirectory: string;
  readonly files: FileSystemPort;
  readonly random: RandomPort;
  readonly logger: Logger;
}

/** One or more volumes of a container could not be mounted or unmounted; the message joins what upstream would. */
export class DockerVolumesFailedError extends DomainError<'DOCKER_VOLUMES_FAILED'> {
  readonly code = 'DOCKER_VOLUMES_FAILED';
}

/** A container that `prepare` recorded and `cleanup` has not finished. */
interface ContainerRecord {
  readonly volumes: readonly RequestedVolume[];
}

/** How long a look at a driver after a refused mount may take. */
const INSPECT_TIMEOUT_MS = 30_000;

/**
 * The `docker/volume` isolator: mounts Docker volumes through their drivers on the host and hands them to the container
 * as bind mounts; unmounts a volume when its last container is gone.
 * @see src/slave/containerizer/mesos/isolators/docker/volume/isolator.cpp
 */
export class DockerVolumeIsolator implements Isolator {
  readonly name = 'docker/volume';
  readonly supportsNesting = false;

  readonly #client: DriverClient;
  readonly #checkpoints: VolumeCheckpoints;
  readonly #sandboxInContainer: string;
  readonly #files: FileSystemPort;
  readonly #logger: Logger;
  readonly #containers = new Map<string, ContainerRecord>();
  readonly #volumes = new Map<string, VolumeInUse>();
  readonly #sequencer = new KeyedSequencer<string>();

  private constructor(options: DockerVolumeIsolatorOptions, checkpoints: VolumeCheckpoints) {
    this.#client = options.client;
    this.#checkpoints = checkpoints;
    this.#sandboxInContainer = options.sandboxDirectory;
    this.#files = options.files;
    this.#logger = options.logger;
  }

  /** @throws VolumeCheckpointError when the checkpoint directory cannot be made */
  static async create(options: DockerVolumeIsolatorOptions): Promise<DockerVolumeIsolator> {
    const { checkpointDir: directory, files, random } = options;
    const checkpoints = new VolumeCheckpoints({ directory, files, random });
    await checkpoints.open();
    return new DockerVolumeIsolator(options, checkpoints);
  }

  /** Recovery of running containers is not there yet: a restarted agent starts without them. */
  async recover(): Promise<void> {
    return await Promise.resolve();
  }

  async prepare(
    containerId: ContainerID,
    config: ContainerConfig,
    { signal }: { signal: AbortSignal },
  ): Promise<ContainerLaunchInfo | undefined> {
    assert(!this.#containers.has(containerId.value), `container ${containerId.value} is prepared once`);
    const volumes = requestedVolumes(containerId, config.container);
    if (volumes.length === 0) return undefined;
    const targets = await this.#prepareTargets(volumes, config);
    await this.#checkpoints.write(containerId, volumes);
    this.#containers.set(containerId.value, { volumes });
    for (const { key } of volumes) this.#apply(key, { event: 'claim', holder: containerId.value });

    const outcomes = await Promise.allSettled(
      volumes.map(async (volume) => await this.#mount(containerId, volume, signal)),
    );
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => messageOf(reason));
    if (failures.length > 0) throw new DockerVolumesFailedError(failures.join('\n'));
    const mounts = outcomes.map((outcome, index): ContainerMount => {
      const [volume, target] = [volumes[index], targets[index]];
      assert(outcome.status === 'fulfilled' && volume !== undefined && target !== undefined, 'one outcome per volume');
      return { source: outcome.value, target, isReadOnly: volume.isReadOnly };
    });
    return { mounts };
  }

  async cleanup(containerId: ContainerID, { signal }: { signal: AbortSignal }): Promise<void> {
    const record = this.#containers.get(containerId.value);
    if (record === undefined) return;
    for (const { key } of record.volumes) this.#apply(key, { event: 'release', holder: containerId.value });
    const outcomes = await Promise.allSettled(record.volumes.map(async ({ key }) => await this.#unmount(key, signal)));
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => messageOf(reason));
    // The checkpoint stays while a volume may be mounted, so that it is not forgotten.
    if (failures.length > 0) throw new DockerVolumesFailedError(failures.join('\n'));
    await this.#checkpoints.remove(containerId);
    this.#containers.delete(containerId.value);
  }

  async #prepareTargets(volumes: readonly RequestedVolume[], config: ContainerConfig): Promise<readonly string[]> {
    const targets: string[] = [];
    for (const { containerPath } of volumes) {
      const target = await prepareMountTarget(containerPath, {
        hasRootfs: config.image !== undefined,
        sandboxDirectory: config.sandboxDirectory,
        sandboxInContainer: this.#sandboxInContainer,
        files: this.#files,
      });
      targets.push(target);
    }
    return targets;
  }

  /** Mounts for one container, also when the volume is mounted already, as upstream. Gives the checked mountpoint. */
  async #mount(containerId: ContainerID, volume: RequestedVolume, signal: AbortSignal): Promise<string> {
    const { key, options } = volume;
    return await this.#sequencer.run(
      volumeId(key),
      async () => {
        this.#logger.info('Mounting docker volume', { containerId: containerId.value, ...key });
        try {
          const mountpoint = await this.#client.mount(key, options, { signal });
          await this.#checkMountpoint(key, mountpoint);
          this.#apply(key, { event: 'mounted', mountpoint });
          return mountpoint;
        } catch (error) {
          await this.#afterFailedMount(containerId, key, error);
          throw error;
        }
      },
      { signal },
    );
  }

  /** Only a clear no of the driver means that nothing is mounted; a refused mount may still have happened in part. */
  async #afterFailedMount(containerId: ContainerID, key: VolumeKey, error: unknown): Promise<void> {
    const outcome = error instanceof DriverCallError ? error.outcome : 'unclear';
    const holder = containerId.value;
    if (outcome === 'unclear') return this.#apply(key, { event: 'unclear' });
    if (outcome === 'never-reached') return this.#apply(key, { event: 'rejected', holder });
    const seen = await this.#client.inspect(key, { signal: AbortSignal.timeout(INSPECT_TIMEOUT_MS) });
    const isMounted = seen !== 'unknown' && seen.mountpoint !== undefined;
    this.#apply(key, isMounted ? { event: 'unclear' } : { event: 'rejected', holder });
  }

  /** DEVIATION: upstream binds whatever dvdcli printed, and the container dies with `Executor terminated`. */
  async #checkMountpoint(key: VolumeKey, mountpoint: string): Promise<void> {
    const isPlain = posix.isAbsolute(mountpoint) && posix.normalize(mountpoint) !== '/' && !/[\n\0]/.test(mountpoint);
    if (isPlain && (await this.#files.kindOf(mountpoint)) === 'directory') return;
    throw new DockerVolumesFailedError(
      `Volume driver '${key.driver}' named ${JSON.stringify(mountpoint)} as the mountpoint of volume '${key.name}': ` +
        'expected the absolute path of an existing directory other than /',
    );
  }

  /** Unmounts if nobody holds the volume, now and when its turn comes; waits for nothing when somebody does. */
  async #unmount(key: VolumeKey, signal: AbortSignal): Promise<void> {
    const left = this.#volumes.get(volumeId(key));
    if (left === undefined || !needsUnmount(left)) return;
    await this.#sequencer.run(
      volumeId(key),
      async () => {
        const volume = this.#volumes.get(volumeId(key));
        if (volume === undefined || !needsUnmount(volume)) return;
        this.#apply(key, { event: 'unmountStarted' });
        this.#logger.info('Unmounting docker volume', { ...key });
        try {
          await this.#client.unmount(key, { signal });
        } catch (error) {
          this.#apply(key, { event: 'unmountFailed' });
          throw error;
        }
        this.#apply(key, { event: 'unmounted' });
      },
      { signal },
    );
  }

  #apply(key: VolumeKey, event: VolumeEvent): void {
    const next = decide(this.#volumes.get(volumeId(key)), event);
    if (next === undefined) this.#volumes.delete(volumeId(key));
    else this.#volumes.set(volumeId(key), next);
  }
}
