/**
 * Which user and group ids this process can give to files and processes. Root on a machine has all of them; root in a
 * user namespace that an ordinary user made has those of its mapping, often only one.
 * @see user_namespaces(7), `/proc/self/uid_map`
 */
import { readFile } from 'node:fs/promises';

export interface IdMapping {
  hasUid(id: number): boolean;
  hasGid(id: number): boolean;
}

export async function readIdMapping(): Promise<IdMapping> {
  const [uids, gids] = await Promise.all(
    ['/proc/self/uid_map', '/proc/self/gid_map'].map(async (path) => parseIdMap(await readFile(path, 'utf8'))),
  );
  return { hasUid: (id) => uids?.(id) === true, hasGid: (id) => gids?.(id) === true };
}

/** Reads lines of `<first inside> <first outside> <count>`. */
export function parseIdMap(text: string): (id: number) => boolean {
  const ranges = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return (id) => ranges.some(([first = 0, , count = 0]) => id >= first && id < first + count);
}
