/**
 * Tells Docker's clients where the daemon listens: `NAME.spec` in the directory that they look into. A spec file that
 * somebody else wrote is never overwritten or removed.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { DomainError } from '@drydock/base/errors';
import { readTextIfThere } from '@drydock/base/read-if-there';

/** The plugin's name is announced for another socket. */
export class PluginNameTakenError extends DomainError<'PLUGIN_NAME_TAKEN'> {
  readonly code = 'PLUGIN_NAME_TAKEN';
  readonly path: string;

  constructor(path: string, content: string) {
    super(`${path} already announces ${content}; remove it, or choose another --plugin-name`);
    this.path = path;
  }
}

export interface PluginSpecOptions {
  readonly directory: string;
  readonly pluginName: string;
  readonly socketPath: string;
  /** Remembers across a crash that the file is ours; a file path. */
  readonly markerPath: string;
}

/**
 * Writes the file; disposing of the result removes it.
 * @throws PluginNameTakenError
 */
// DEVIATION: convoy leaves this file to the administrator.
export async function announcePlugin(options: PluginSpecOptions): Promise<AsyncDisposable> {
  const path = join(options.directory, `${options.pluginName}.spec`);
  const content = `unix://${options.socketPath}`;
  const found = (await readTextIfThere(path))?.trim();
  const isOurs = found === undefined || (await readTextIfThere(options.markerPath)) === path;
  if (found !== undefined && found !== content && !isOurs) throw new PluginNameTakenError(path, found);
  if (!isOurs) return { [Symbol.asyncDispose]: async () => undefined };
  await writeFileAtomic(options.markerPath, path);
  await mkdir(options.directory, { recursive: true });
  await writeFileAtomic(path, `${content}\n`);
  return {
    async [Symbol.asyncDispose]() {
      if ((await readTextIfThere(path))?.trim() === content) await rm(path, { force: true });
      await rm(options.markerPath, { force: true });
    },
  };
}
