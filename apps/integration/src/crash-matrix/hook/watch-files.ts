/** Effects on files: every call of node:fs/promises, of a FileHandle, and of what node:fs streams that changes something. */
import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { constants } from 'node:fs';
import type { EffectGate } from './effect-gate.ts';
import { replace, type AnyFunction } from './replace.ts';

/** Their first two arguments tell what they do. */
const PATH_CALLS =
  'chmod chown copyFile cp lchmod lchown link lutimes mkdir rename rm rmdir symlink truncate unlink utimes'.split(' ');
const HANDLE_CALLS = 'appendFile chmod chown datasync sync truncate utimes write writeFile writev'.split(' ');
const SYNC_CALLS = PATH_CALLS.filter((name) => name !== 'lchmod').map((name) => `${name}Sync`);
const WRITING = constants.O_WRONLY | constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND;

export async function watchFiles(gate: EffectGate): Promise<void> {
  const paths = new WeakMap<object, string>();
  for (const name of PATH_CALLS) {
    replace(
      fsPromises,
      name,
      (original) =>
        async (...args) =>
          await during(gate, describe(name, args), original, args),
    );
  }
  replace(fsPromises, 'open', (original) => async (...args) => {
    const [path, flags = 'r'] = args;
    const handle = (await (isWriting(flags)
      ? during(gate, `open ${String(path)}`, original, args)
      : original(...args))) as object;
    paths.set(handle, String(path));
    return handle;
  });
  replace(
    fsPromises,
    'mkdtemp',
    (original) =>
      async (...args) =>
        await during(gate, `mkdtemp ${String(args[0])}`, original, args),
  );
  watchWholeFiles();
  await watchHandles(gate, paths);
  watchSynchronous(gate);
  watchStreams(gate);
}

/** A file is made, and then it is written: an agent can end between the two. */
function watchWholeFiles(): void {
  for (const [name, defaultFlag] of [
    ['writeFile', 'w'],
    ['appendFile', 'a'],
  ] as const) {
    replace(fsPromises, name, (original) => async (...args) => {
      const [path, data, given] = args;
      if (typeof path !== 'string') return await original(...args);
      const options = (typeof given === 'string' ? { encoding: given } : (given ?? {})) as fs.ObjectEncodingOptions & {
        flag?: string;
        mode?: number;
      };
      await using handle = await fsPromises.open(path, options.flag ?? defaultFlag, options.mode);
      await handle.writeFile(data as string, options.encoding ?? null);
      return undefined;
    });
  }
}

async function watchHandles(gate: EffectGate, paths: WeakMap<object, string>): Promise<void> {
  await using sample = await fsPromises.open('/dev/null');
  const prototype: object = Object.getPrototypeOf(sample);
  for (const name of HANDLE_CALLS) {
    replace(
      prototype,
      name,
      (original) =>
        async function (this: unknown, ...args) {
          const path = typeof this === 'object' && this !== null ? paths.get(this) : undefined;
          return await during(gate, `${name} ${path ?? '?'}`, original.bind(this), args);
        },
    );
  }
}

function watchSynchronous(gate: EffectGate): void {
  for (const name of SYNC_CALLS) {
    replace(fs, name, (original) => (...args) => {
      const effect = gate.before(describe(name, args));
      try {
        return original(...args);
      } finally {
        effect.after();
      }
    });
  }
}

/**
 * `createWriteStream` opens and writes through the callback functions. Chunks of one file are alike: the 1st, 2nd, 4th, 8th,
 * ... is an effect.
 */
function watchStreams(gate: EffectGate): void {
  const files = new Map<number, { readonly path: string; chunkCount: number }>();
  replace(fs, 'open', (original) => (...args) => {
    const [path, flags] = args;
    if (!isWriting(flags)) return original(...args);
    const effect = gate.before(`open ${String(path)}`);
    return original(
      ...withCallback(args, (_error, descriptor) => {
        if (typeof descriptor === 'number') files.set(descriptor, { path: String(path), chunkCount: 0 });
        effect.after();
      }),
    );
  });
  for (const name of ['write', 'writev']) {
    replace(fs, name, (original) => (...args) => {
      const file = files.get(Number(args[0]));
      if (file === undefined) return original(...args);
      file.chunkCount += 1;
      if (!Number.isInteger(Math.log2(file.chunkCount))) return original(...args);
      const effect = gate.before(`write ${file.path}`);
      return original(...withCallback(args, () => effect.after()));
    });
  }
}

async function during(gate: EffectGate, what: string, original: AnyFunction, args: unknown[]): Promise<unknown> {
  const effect = gate.before(what);
  try {
    return await original(...args);
  } finally {
    effect.after();
  }
}

function describe(name: string, [first, second]: readonly unknown[]): string {
  return `${name} ${String(first)}${typeof second === 'string' ? ` ${second}` : ''}`;
}

function isWriting(flags: unknown): boolean {
  return typeof flags === 'number' ? (flags & WRITING) !== 0 : typeof flags === 'string' && !/^r[s]?$/.test(flags);
}

function withCallback(args: unknown[], first: (...results: unknown[]) => void): unknown[] {
  const callback = args.at(-1);
  if (typeof callback !== 'function') return args;
  const both = (...results: unknown[]): void => {
    first(...results);
    callback(...results);
  };
  return [...args.slice(0, -1), both];
}
