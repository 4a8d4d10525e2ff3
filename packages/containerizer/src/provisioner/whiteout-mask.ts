/**
 * Whiteouts in the form that overlayfs reads. What a layer removes depends on the layers below it, and a stored layer
 * may lie on different ones, so nothing is written into the store: each container gets, directly below a layer that
 * removes something, a *mask*, a lower directory of its own that holds a whiteout (character device 0/0) for each name
 * that has to go. An opaque directory is masked name by name, because its extended attribute could be set only with a
 * program that a bare machine lacks.
 */
import { chmod, link, lstat, lutimes, lchown, mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import { runOrThrow } from '@drydock/base/subprocess';
import type { Whiteouts } from '../image/layer-unpacker.ts';

const TOOL_MS_MAX = 10_000;

/** What a stored layer removes. */
export async function readWhiteouts(layerDirectory: string): Promise<Whiteouts> {
  // Written by the store beside the layer, and only there.
  return JSON.parse(await readFile(join(layerDirectory, 'whiteouts.json'), 'utf8')) as Whiteouts;
}

/**
 * Makes `mask`, which hides what `whiteouts` removes from `lowers` (root directories, the nearest first); false, and
 * nothing is made, when there is nothing to hide.
 */
export async function createWhiteoutMask(
  mask: string,
  whiteouts: Whiteouts,
  lowers: readonly string[],
  options: { signal: AbortSignal },
): Promise<boolean> {
  const hidden = await hiddenPaths(whiteouts, lowers);
  const [first, ...others] = [...hidden];
  if (first === undefined) return false;
  await mkdir(mask, { recursive: true, mode: 0o755 });
  const directories = new Set<string>();
  for (const path of hidden) {
    for (let at = dirname(path); at !== '.'; at = dirname(at)) directories.add(at);
  }
  for (const path of [...directories].sort()) await mkdir(join(mask, path));
  await runOrThrow(['mknod', join(mask, first), 'c', '0', '0'], { signal: options.signal, timeoutMs: TOOL_MS_MAX });
  // One inode may be the whiteout of many names; the kernel does the same.
  for (const path of others) await link(join(mask, first), join(mask, path));
  // The mask's directories lie over those below and must look like them, should the layer itself not have them.
  for (const path of ['', ...directories]) await copyAttributes(path, lowers, mask);
  return true;
}

async function hiddenPaths({ removed, opaque }: Whiteouts, lowers: readonly string[]): Promise<ReadonlySet<string>> {
  const hidden = new Set<string>();
  for (const lower of lowers) {
    for (const path of removed) {
      const names = await namesIn(lower, dirname(path));
      if (names.includes(basename(path))) hidden.add(path);
    }
    for (const path of opaque) {
      for (const name of await namesIn(lower, path)) hidden.add(join(path, name));
    }
  }
  // A whiteout of a directory hides all that is in it, and nothing can be put into it.
  return new Set([...hidden].filter((path) => !hasAncestorIn(path, hidden)));
}

function hasAncestorIn(path: string, paths: ReadonlySet<string>): boolean {
  for (let at = dirname(path); at !== '.'; at = dirname(at)) if (paths.has(at)) return true;
  return false;
}

/** Names in a directory of a layer; none when it is not there, or when a link or a file is on the way to it. */
async function namesIn(root: string, path: string): Promise<readonly string[]> {
  return (await isDirectoryBeneath(root, path)) ? await readdir(join(root, path)) : [];
}

async function isDirectoryBeneath(root: string, path: string): Promise<boolean> {
  let current = root;
  for (const name of ['', ...path.split('/').filter((part) => part !== '' && part !== '.')]) {
    current = join(current, name);
    try {
      if (!(await lstat(current)).isDirectory()) return false;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
  return true;
}

async function copyAttributes(path: string, lowers: readonly string[], mask: string): Promise<void> {
  for (const lower of lowers) {
    if (!(await isDirectoryBeneath(lower, path))) continue;
    const { uid, gid, mode, atime, mtime } = await lstat(join(lower, path));
    const target = join(mask, path);
    await lchown(target, uid, gid);
    await chmod(target, mode & 0o7777);
    await lutimes(target, atime, mtime);
    return;
  }
}
