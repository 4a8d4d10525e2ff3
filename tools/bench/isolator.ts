/**
 * The docker/volume isolator over real files: what a container costs beside 10 and beside 10,000 others, and what the
 * recovery of 10,000 checkpoints costs beside a bare read of the same files.
 */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger } from '@drydock/base/log';
import { systemClock, systemFiles, systemRandom } from '@drydock/base/ports';
import { DockerVolumeIsolator, systemMounts, type ContainerConfig, type ContainerState } from '@drydock/isolator';
import { measureInTurn, medianOf, type Benchmark, type BenchSeries } from '../bench-frame.ts';

const FEW = 10;
const MANY = 10_000;
const ROUNDS = 60;
const RECOVERY_ROUNDS = 7;
/** Files that are read at once, as the isolator does. */
const READ_COUNT = 32;

export const benchmark: Benchmark = {
  about: 'the docker/volume isolator beside 10 and 10,000 live containers, and its recovery beside a bare read',
  async run({ onProgress }) {
    const root = await mkdtemp(join(tmpdir(), 'bench-isolator-'));
    try {
      onProgress(`making ${MANY} checkpoints`);
      const few = await Bed.create(join(root, 'few'), FEW);
      const many = await Bed.create(join(root, 'many'), MANY);
      onProgress('recovery');
      const recovery = await measureInTurn(
        {
          [`bare read of ${MANY} files`]: async () => await many.readAll(),
          [`recovery of ${MANY} checkpoints`]: async () => void (await many.recovered()),
        },
        { rounds: RECOVERY_ROUNDS },
      );
      const before = memory();
      const [isolatorOfFew, isolatorOfMany] = [await few.recovered(), await many.recovered()];
      const bytesEach = (memory() - before) / MANY;
      onProgress(`${ROUNDS} containers`);
      const containers = await measureInTurn(
        {
          [`prepare and cleanup beside ${FEW}`]: async () => await few.launchOne(isolatorOfFew),
          [`prepare and cleanup beside ${MANY}`]: async () => await many.launchOne(isolatorOfMany),
        },
        { rounds: ROUNDS },
      );
      const growth = ratio(containers);
      const cost = ratio(recovery);
      return {
        series: [...containers, ...recovery],
        claims: [
          {
            text: `a container beside ${MANY} costs ${growth.toFixed(2)} times one beside ${FEW}, at most 1.2`,
            holds: growth <= 1.2,
          },
          { text: `a recovery costs ${cost.toFixed(2)} times a bare read, at most 3`, holds: cost <= 3 },
          {
            text: `a recovered container takes ${Math.round(bytesEach)} bytes of memory`,
            holds: Number.isFinite(bytesEach),
          },
        ],
      };
    } finally {
      await rm(root, { recursive: true });
    }
  },
};

/** A checkpoint directory with some containers, each with a volume of its own. */
class Bed {
  readonly #directory: string;
  readonly #states: readonly ContainerState[];
  #launchedCount = 0;

  private constructor(directory: string, states: readonly ContainerState[]) {
    this.#directory = directory;
    this.#states = states;
  }

  static async create(directory: string, count: number): Promise<Bed> {
    await mkdir(join(directory, 'mountpoint'), { recursive: true });
    await mkdir(join(directory, 'sandbox'));
    const ids = Array.from({ length: count }, (_, index) => `container-${index}`);
    for (const id of ids) {
      const volume = { driver: 'bench', name: id, phase: 'mounted', mountpoint: join(directory, 'mountpoint') };
      const checkpoint = {
        volumes: [{ ...volume, is_mount_point: false }],
        container_id: { value: id },
        boot_id: 'boot',
      };
      await mkdir(join(directory, 'checkpoints', id), { recursive: true });
      await writeFile(join(directory, 'checkpoints', id, 'volumes'), JSON.stringify(checkpoint));
    }
    const sandboxDirectory = join(directory, 'sandbox');
    return new Bed(
      directory,
      ids.map((value) => ({ containerId: { value }, sandboxDirectory })),
    );
  }

  async readAll(): Promise<void> {
    const checkpoints = join(this.#directory, 'checkpoints');
    const names = (await readdir(checkpoints)).values();
    const readSome = async (): Promise<void> => {
      for (const name of names) await readFile(join(checkpoints, name, 'volumes'), 'utf8');
    };
    await Promise.all(Array.from({ length: READ_COUNT }, readSome));
  }

  /** An isolator that holds all of them. */
  async recovered(): Promise<DockerVolumeIsolator> {
    const isolator = await DockerVolumeIsolator.create({
      client: {
        mount: async () => await Promise.resolve(join(this.#directory, 'mountpoint')),
        unmount: async () => await Promise.resolve(),
        inspect: async () => await Promise.resolve('unknown' as const),
      },
      checkpointDir: join(this.#directory, 'checkpoints'),
      sandboxDirectory: '/mnt/mesos/sandbox',
      bootId: 'boot',
      files: systemFiles,
      mounts: systemMounts,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    await isolator.recover(this.#states, []);
    return isolator;
  }

  async launchOne(isolator: DockerVolumeIsolator): Promise<void> {
    const id = { value: `launched-${this.#launchedCount++}` };
    const { signal } = new AbortController();
    await isolator.prepare(id, this.#config(id.value), { signal });
    await isolator.cleanup(id, { signal });
  }

  #config(name: string): ContainerConfig {
    const docker_volume = { driver: 'bench', name };
    return {
      command: { value: 'true' },
      container: {
        type: 'MESOS',
        volumes: [{ container_path: '/data', mode: 'RW', source: { type: 'DOCKER_VOLUME', docker_volume } }],
      },
      resources: [],
      sandboxDirectory: join(this.#directory, 'sandbox'),
      user: 'root',
      image: { entrypoint: [], cmd: [], env: [] },
    };
  }
}

function ratio([floor, measured]: readonly BenchSeries[]): number {
  return medianOf(measured?.samplesMs ?? []) / medianOf(floor?.samplesMs ?? []);
}

/** Of the heap, after a collection. */
function memory(): number {
  setFlagsFromString('--expose-gc');
  // A context that is made after the flag was set has it.
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('Expected Node to let the garbage be collected');
  collect();
  return process.memoryUsage().heapUsed;
}
