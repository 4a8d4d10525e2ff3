/** What runs of the matrix share: a master, and a driver that counts and one that does not. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { LocalCluster } from '@drydock/cluster';
import type { MatrixVariant } from './matrix-variant.ts';
import { buildSmallImage } from './small-image.ts';
import type { JournalEntry } from './watched-driver.ts';

const DRIVER = fileURLToPath(new URL('watched-driver.ts', import.meta.url));
/** Offers come soon, and an agent that is started again has the master's default of time for that. */
const MASTER_FLAGS = ['--allocation_interval=50ms'];

/** Offers a driver that counts its mounts where the agent is to leave it balanced, and one that does not where it is not. */
export type DriverKind = 'plain' | 'counting';

export function driverOf({ counting }: MatrixVariant): DriverKind {
  return counting === 'first_container' ? 'counting' : 'plain';
}

export class MatrixCluster implements AsyncDisposable {
  readonly cluster: LocalCluster;

  private constructor(cluster: LocalCluster) {
    this.cluster = cluster;
  }

  static async start(options: { readonly compileCache: string }): Promise<MatrixCluster> {
    // Most of a start of an agent is the reading of its code.
    const env = { ...process.env, NODE_COMPILE_CACHE: options.compileCache };
    const images = { imagesDirectory: '/nowhere' };
    const cluster = await LocalCluster.create({ ...images, env });
    const started = new MatrixCluster(cluster);
    try {
      await buildSmallImage(started.imagesDirectory);
      await cluster.startMaster(MASTER_FLAGS);
      for (const kind of ['plain', 'counting'] as const) {
        const directory = started.#driverDirectory(kind);
        await mkdir(directory, { recursive: true });
        const argv = [process.execPath, DRIVER, kind, directory, kind, started.#journal(kind)];
        await cluster.startPlugin(kind, argv);
      }
      return started;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get imagesDirectory(): string {
    return join(this.cluster.directory, 'images');
  }

  /** What a driver was asked of a volume, oldest first. */
  async journalOf(kind: DriverKind, volume: string): Promise<readonly JournalEntry[]> {
    // The first request makes it.
    const lines = ((await readTextIfThere(this.#journal(kind))) ?? '').split('\n');
    return lines
      .filter((line) => line.includes(`"${volume}"`))
      .map((line) => JSON.parse(line) as JournalEntry)
      .filter((entry) => entry.volume === volume);
  }

  /** Where the driver keeps what is in a volume. */
  dataOf(kind: DriverKind, volume: string): string {
    return join(this.#driverDirectory(kind), 'data', volume);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.stop();
  }

  #driverDirectory(kind: DriverKind): string {
    return join(this.cluster.directory, `driver-${kind}`);
  }

  #journal(kind: DriverKind): string {
    return join(this.cluster.directory, `journal-${kind}.jsonl`);
  }
}
