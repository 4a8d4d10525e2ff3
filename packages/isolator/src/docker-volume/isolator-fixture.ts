/** An isolator over real files in a directory of the test, a scripted driver, and a clock that stands still. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import { systemFiles, systemRandom } from '@drydock/base/ports';
import type { ContainerID, DockerVolume, Volume } from '@drydock/mesos';
import type { ContainerConfig, ContainerLaunchInfo, ContainerState } from '../isolator.ts';
import { SimulatedClock } from '../simulation/simulated-clock.ts';
import { DockerVolumeIsolator, type DockerVolumeIsolatorOptions } from './docker-volume-isolator.ts';
import { RecordingDriver } from './recording-driver.ts';

export class IsolatorFixture implements AsyncDisposable {
  readonly root: string;
  readonly driver: RecordingDriver;
  readonly clock: SimulatedClock = new SimulatedClock();
  /** Paths where the mount table has a mount. */
  readonly mountPoints: Set<string> = new Set();
  #isolator: DockerVolumeIsolator;

  private constructor(root: string, driver: RecordingDriver, isolator: DockerVolumeIsolator) {
    this.root = root;
    this.driver = driver;
    this.#isolator = isolator;
  }

  static async create(options: Partial<DockerVolumeIsolatorOptions> = {}): Promise<IsolatorFixture> {
    const root = await mkdtemp(join(tmpdir(), 'docker-volume-'));
    for (const name of ['mountpoint', 'sandbox']) await mkdir(join(root, name));
    const driver = new RecordingDriver(join(root, 'mountpoint'));
    // Restarted at once with what the fixture has.
    const fixture = new IsolatorFixture(root, driver, await DockerVolumeIsolator.create(bare(root, driver)));
    await fixture.restart(options);
    return fixture;
  }

  get isolator(): DockerVolumeIsolator {
    return this.#isolator;
  }

  get checkpointDir(): string {
    return join(this.root, 'checkpoints');
  }

  /** A new agent over the same files; the old one does nothing any more. */
  async restart(options: Partial<DockerVolumeIsolatorOptions> = {}): Promise<void> {
    await this.#isolator[Symbol.asyncDispose]();
    const { root, driver, clock } = this;
    const mounts = { isMountPoint: async (path: string) => await Promise.resolve(this.mountPoints.has(path)) };
    this.#isolator = await DockerVolumeIsolator.create({ ...bare(root, driver), clock, mounts, ...options });
  }

  async prepare(
    container: string | ContainerID,
    config: ContainerConfig,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<ContainerLaunchInfo | undefined> {
    return await this.#isolator.prepare(idOf(container), config, { signal });
  }

  async cleanup(container: string | ContainerID): Promise<void> {
    await this.#isolator.cleanup(idOf(container), { signal: new AbortController().signal });
  }

  async recover(running: readonly ContainerState[] = [], orphans: readonly ContainerID[] = []): Promise<void> {
    await this.#isolator.recover(running, orphans);
  }

  /** A container that runs with these volumes. */
  state(container: string | ContainerID, volumes: Volume[] = [aVolume('/data')]): ContainerState {
    const { container: info, sandboxDirectory } = this.config(volumes);
    return { containerId: idOf(container), sandboxDirectory, ...(info === undefined ? {} : { container: info }) };
  }

  config(
    volumes: Volume[] = [aVolume('/data')],
    options: { hasRootfs?: boolean; user?: string } = {},
  ): ContainerConfig {
    return {
      command: { value: 'true' },
      container: { type: 'MESOS', volumes },
      resources: [],
      sandboxDirectory: join(this.root, 'sandbox'),
      user: options.user ?? 'root',
      ...(options.hasRootfs === false ? {} : { image: { entrypoint: [], cmd: [], env: [] } }),
    };
  }

  async checkpoints(): Promise<readonly string[]> {
    return await readdir(this.checkpointDir);
  }

  async readCheckpoint(name: string): Promise<unknown> {
    return JSON.parse(await readFile(join(this.checkpointDir, name, 'volumes'), 'utf8'));
  }

  async writeCheckpoint(name: string, text: string): Promise<void> {
    await mkdir(join(this.checkpointDir, name), { recursive: true });
    await writeFile(join(this.checkpointDir, name, 'volumes'), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#isolator[Symbol.asyncDispose]();
    await rm(this.root, { recursive: true });
  }
}

export function aVolume(containerPath: string, docker: Partial<DockerVolume> = {}, mode: 'RW' | 'RO' = 'RW'): Volume {
  return {
    container_path: containerPath,
    mode,
    source: { type: 'DOCKER_VOLUME', docker_volume: { driver: 'convoy', name: 'v1', ...docker } },
  };
}

/** Options of a volume, `k=v`. */
export function withOptions(...options: readonly string[]): Partial<DockerVolume> {
  const parameter = options.map((option) => {
    const [key = '', value = ''] = option.split('=');
    return { key, value };
  });
  return { driver_options: { parameter } };
}

function idOf(container: string | ContainerID): ContainerID {
  return typeof container === 'string' ? { value: container } : container;
}

function bare(root: string, driver: RecordingDriver): DockerVolumeIsolatorOptions {
  return {
    client: driver,
    checkpointDir: join(root, 'checkpoints'),
    sandboxDirectory: '/mnt/mesos/sandbox',
    bootId: 'boot-1',
    files: systemFiles,
    mounts: { isMountPoint: async () => await Promise.resolve(false) },
    clock: new SimulatedClock(),
    random: systemRandom,
    logger: silentLogger,
  };
}
