/** A directory whose files are modules with one export of the same kind: benchmarks, fuzz targets. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface NamedModules<T> {
  /** The files' names without `.ts`, sorted. */
  readonly names: readonly string[];
  load(name: string): Promise<T>;
  /** One line each for `--help`. */
  describe(): Promise<string>;
}

/** @param exportName what every file of the directory exports */
export function namedModules<T extends { readonly about: string }>(
  directory: string,
  exportName: string,
): NamedModules<T> {
  const names = readdirSync(directory)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3))
    .sort();
  const load = async (name: string): Promise<T> => {
    const module = (await import(join(directory, `${name}.ts`))) as Readonly<Record<string, T | undefined>>;
    const found = module[exportName];
    if (found === undefined) throw new Error(`Expected ${join(directory, `${name}.ts`)} to export ${exportName}`);
    return found;
  };
  return {
    names,
    load,
    async describe() {
      const lines = await Promise.all(names.map(async (name) => `  ${name.padEnd(12)}${(await load(name)).about}\n`));
      return lines.join('');
    },
  };
}
