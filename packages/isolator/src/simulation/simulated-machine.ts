/**
 * The machine that a simulated agent runs on: files of which only what was synced survives a loss of power, mounts, and
 * agents that can be killed before and after each of their effects.
 */
import { posix } from 'node:path';
import type { ClockPort, FileSystemPort } from '@drydock/base/ports';
import type { SeededRandom } from '@drydock/base/seeded-random';
import type { MountTablePort } from '../docker-volume/mount-table.ts';

type Node = { readonly kind: 'directory' } | { readonly kind: 'file'; readonly data: string };

/** What of the disk is broken. */
export type DiskState = 'good' | 'full' | 'read-only';

/** One agent process: its effects reach the machine while it lives. */
export interface Life {
  isAlive: boolean;
}

export class SimulatedMachine {
  readonly #random: SeededRandom;
  readonly #nodes = new Map<string, Node>([['/', { kind: 'directory' }]]);
  /** By directory: what its entries were when it was last synced, of those that have changed since. */
  readonly #unsynced = new Map<string, Map<string, Node | undefined>>();
  readonly mounts: Set<string> = new Set();
  disk: DiskState = 'good';
  bootCount = 1;
  /** Effects until the running agent is killed; undefined = it is not. */
  #killCountdown: number | undefined;
  #life: Life = { isAlive: true };

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get bootId(): string {
    return `boot-${this.bootCount}`;
  }

  get life(): Life {
    return this.#life;
  }

  /** A new agent process. */
  start(): Life {
    this.#life = { isAlive: true };
    return this.#life;
  }

  kill(): void {
    this.#life.isAlive = false;
    this.#killCountdown = undefined;
  }

  killAfter(effectCount: number): void {
    this.#killCountdown = effectCount;
  }

  /** The machine loses its power and starts again: mounts are gone, and of what was not synced, nobody knows what is left. */
  reboot(): void {
    this.kill();
    this.bootCount += 1;
    this.mounts.clear();
    this.disk = 'good';
    for (const [directory, changes] of this.#unsynced) {
      for (const [name, before] of changes) {
        if (this.#random.fraction() < 0.5) continue;
        const path = posix.join(directory, name);
        this.#removeTree(path);
        if (before !== undefined) this.#nodes.set(path, before);
      }
    }
    this.#unsynced.clear();
    for (const path of this.#nodes.keys()) if (!this.#nodes.has(posix.dirname(path))) this.#nodes.delete(path);
  }

  /** One effect of an agent; ends for ever with the agent's life. */
  async effect<T>(life: Life, apply: () => T): Promise<T> {
    await Promise.resolve();
    await this.#boundary(life);
    const result = apply();
    await this.#boundary(life);
    return result;
  }

  async #boundary(life: Life): Promise<void> {
    if (life.isAlive && life === this.#life && this.#killCountdown !== undefined) {
      this.#killCountdown -= 1;
      if (this.#killCountdown < 0) this.kill();
    }
    // What a dead process waits for never comes.
    if (!life.isAlive) await new Promise<never>(() => undefined);
  }

  /** A clock that wakes nobody who is dead. */
  clock(life: Life, clock: ClockPort): ClockPort {
    return {
      now: () => clock.now(),
      sleep: async (ms, options) => {
        try {
          await clock.sleep(ms, options);
        } finally {
          if (!life.isAlive) await new Promise<never>(() => undefined);
        }
      },
    };
  }

  /** For the simulation itself: no effect of an agent. */
  makeDirectory(path: string): void {
    if (path !== '/') this.makeDirectory(posix.dirname(path));
    this.#nodes.set(path, { kind: 'directory' });
  }

  readNow(path: string): string | undefined {
    const node = this.#nodes.get(path);
    return node?.kind === 'file' ? node.data : undefined;
  }

  /** What would be there if the power went now. */
  readDurable(path: string): string | undefined {
    for (let part = path; part !== '/'; part = posix.dirname(part)) {
      const changes = this.#unsynced.get(posix.dirname(part));
      const name = posix.basename(part);
      if (changes?.has(name) !== true) continue;
      const before = changes.get(name);
      return part === path && before?.kind === 'file' ? before.data : undefined;
    }
    return this.readNow(path);
  }

  entriesNow(path: string): readonly string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    const names = [...this.#nodes.keys()].filter((key) => key.startsWith(prefix) && key !== path);
    return names
      .map((key) => key.slice(prefix.length))
      .filter((name) => name !== '' && !name.includes('/'))
      .sort();
  }

  mountTable(life: Life): MountTablePort {
    return { isMountPoint: async (path) => await this.effect(life, () => this.mounts.has(path)) };
  }

  files(life: Life): FileSystemPort {
    const run = async <T>(apply: () => T): Promise<T> => await this.effect(life, apply);
    return {
      ensureDirectory: async (path) => await run(() => this.#ensureDirectory(path)),
      createSynced: async (path, data) =>
        await run(() => {
          this.#assertWritable(path);
          if (this.#nodes.has(path)) throw systemError('EEXIST', path);
          this.#change(path, { kind: 'file', data: String(data) });
        }),
      rename: async (from, to) => await run(() => this.#rename(from, to)),
      syncDirectory: async (path) =>
        await run(() => {
          this.#require(path);
          this.#unsynced.delete(path);
        }),
      readText: async (path) =>
        await run(() => {
          const node = this.#require(path);
          if (node.kind === 'directory') throw systemError('EISDIR', path);
          return node.data;
        }),
      list: async (path) =>
        await run(() => {
          this.#require(path);
          return [...this.entriesNow(path)];
        }),
      remove: async (path) =>
        await run(() => {
          if (!this.#nodes.has(path)) return;
          if (this.disk === 'read-only') throw systemError('EROFS', path);
          this.#change(path, undefined);
        }),
      kindOf: async (path) => await run(() => this.#nodes.get(path)?.kind),
      realPath: async (path) =>
        await run(() => {
          this.#require(path);
          return path;
        }),
      setOwner: async (path) =>
        await run(() => {
          this.#require(path);
        }),
    };
  }

  #ensureDirectory(path: string): void {
    if (this.#nodes.get(path)?.kind === 'directory') return;
    if (this.#nodes.has(path)) throw systemError('EEXIST', path);
    this.#assertWritable(path);
    if (path !== '/') this.#ensureDirectory(posix.dirname(path));
    this.#change(path, { kind: 'directory' });
  }

  #rename(from: string, to: string): void {
    const node = this.#require(from);
    if (this.disk === 'read-only') throw systemError('EROFS', to);
    const below = [...this.#nodes].filter(([key]) => key.startsWith(`${from}/`));
    this.#change(from, undefined);
    this.#change(to, node);
    for (const [key, child] of below) this.#nodes.set(to + key.slice(from.length), child);
  }

  #require(path: string): Node {
    const node = this.#nodes.get(path);
    if (node !== undefined) return node;
    const isBelowFile = this.#nodes.get(posix.dirname(path))?.kind === 'file';
    throw systemError(isBelowFile ? 'ENOTDIR' : 'ENOENT', path);
  }

  #assertWritable(path: string): void {
    if (this.disk !== 'good') throw systemError(this.disk === 'full' ? 'ENOSPC' : 'EROFS', path);
  }

  #change(path: string, node: Node | undefined): void {
    const directory = posix.dirname(path);
    const name = posix.basename(path);
    const changes = this.#unsynced.get(directory) ?? new Map<string, Node | undefined>();
    this.#unsynced.set(directory, changes);
    if (!changes.has(name)) changes.set(name, this.#nodes.get(path));
    if (node === undefined) this.#removeTree(path);
    else this.#nodes.set(path, node);
  }

  #removeTree(path: string): void {
    for (const key of this.#nodes.keys()) if (key === path || key.startsWith(`${path}/`)) this.#nodes.delete(key);
  }
}

/** As Node throws it. */
function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code });
}
