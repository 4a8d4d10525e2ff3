/** `node:fs/promises` costs dvdcli more to load than all its looking up takes; `node:fs` is there at every start. */
import { readFile, stat, type Stats } from 'node:fs';

export async function statOf(path: string): Promise<Stats> {
  const { promise, resolve, reject } = Promise.withResolvers<Stats>();
  stat(path, (error, stats) => (error === null ? resolve(stats) : reject(error)));
  return await promise;
}

export async function textOf(path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  readFile(path, 'utf8', (error, text) => (error === null ? resolve(text) : reject(error)));
  return await promise;
}
