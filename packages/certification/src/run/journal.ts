/**
 * What a run made and has not removed yet, on disk before it is made: after a crash the next run of the same driver
 * cleans up by it, and touches nothing else.
 */
import { mkdir, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';

export type JournalEntry =
  | { readonly kind: 'owner'; readonly pid: number; readonly startTime: string; readonly run: string }
  /** Temporary files of the run itself. */
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'volume'; readonly name: string }
  /** A Mount was sent; the engine's have an id. */
  | { readonly kind: 'mount'; readonly name: string; readonly mountId?: string }
  | { readonly kind: 'gone'; readonly name: string };

/** A volume that may still be there. */
export interface JournalledVolume {
  readonly name: string;
  /** Of Mounts that were sent since it was made, undefined for one without an id. */
  readonly mountIds: readonly (string | undefined)[];
}

export class Journal implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #volumes = new Map<string, JournalledVolume>();
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** @param directory where the journals of this driver's runs are */
  static async open(directory: string, run: string): Promise<Journal> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, `${run}.ndjson`);
    const journal = new Journal(path, await open(path, 'ax', 0o600));
    await journal.#write({ kind: 'owner', pid: process.pid, startTime: await startTimeOf(process.pid), run });
    return journal;
  }

  has(name: string): boolean {
    return this.#volumes.has(name);
  }

  async directory(path: string): Promise<void> {
    await this.#write({ kind: 'directory', path });
  }

  /** Resolves when a crash would not lose it. */
  async volume(name: string): Promise<void> {
    if (this.#volumes.has(name)) return;
    await this.#write({ kind: 'volume', name });
  }

  async mount(name: string, mountId?: string): Promise<void> {
    await this.#write({ kind: 'mount', name, ...(mountId === undefined ? {} : { mountId }) });
  }

  async gone(name: string): Promise<void> {
    await this.#write({ kind: 'gone', name });
  }

  /** What is left, in the order in which it was made. */
  left(): readonly JournalledVolume[] {
    return [...this.#volumes.values()];
  }

  /** Removes the journal when nothing is left; else it stays for the next run. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#file.close();
    if (this.#volumes.size === 0) await rm(this.#path, { force: true });
  }

  async #write(entry: JournalEntry): Promise<void> {
    apply(this.#volumes, entry);
    this.#writing = this.#writing.then(async () => {
      await this.#file.appendFile(`${JSON.stringify(entry)}\n`);
      await this.#file.datasync();
    });
    await this.#writing;
  }
}

/** Of a run that is over and has not cleaned up. */
export interface OrphanedJournal {
  readonly path: string;
  readonly run: string;
  readonly volumes: readonly JournalledVolume[];
  readonly directories: readonly string[];
}

/** Journals whose run is over without having cleaned up, with what they have left; the runs that live are left alone. */
export async function orphanedJournals(directory: string): Promise<readonly OrphanedJournal[]> {
  const orphans: OrphanedJournal[] = [];
  for (const file of await namesIn(directory)) {
    if (!file.endsWith('.ndjson')) continue;
    const path = join(directory, file);
    const entries = parseEntries(await readFile(path, 'utf8'));
    const owner = entries.find((entry) => entry.kind === 'owner');
    if (owner !== undefined && (await startTimeOf(owner.pid)) === owner.startTime) continue;
    const directories = entries.flatMap((entry) => (entry.kind === 'directory' ? [entry.path] : []));
    const volumes = new Map<string, JournalledVolume>();
    for (const entry of entries) apply(volumes, entry);
    orphans.push({ path, run: owner?.run ?? file.replace('.ndjson', ''), volumes: [...volumes.values()], directories });
  }
  return orphans;
}

function apply(volumes: Map<string, JournalledVolume>, entry: JournalEntry): void {
  switch (entry.kind) {
    case 'owner':
    case 'directory':
      break;
    case 'volume':
      if (!volumes.has(entry.name)) volumes.set(entry.name, { name: entry.name, mountIds: [] });
      break;
    case 'mount': {
      const mountIds = [...(volumes.get(entry.name)?.mountIds ?? []), entry.mountId];
      volumes.set(entry.name, { name: entry.name, mountIds });
      break;
    }
    case 'gone':
      volumes.delete(entry.name);
      break;
  }
}

/** The last line may be cut short: what it announces was not made yet. */
function parseEntries(text: string): readonly JournalEntry[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as JournalEntry); // lines of this class
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Field 22 of /proc/PID/stat: together with the pid it names a process; '' when there is none. */
async function startTimeOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ESRCH') return '';
    throw error;
  }
}
