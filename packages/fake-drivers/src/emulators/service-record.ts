/** What a service remembers over a restart: a list of JSON objects in one file, written whole. */
import { join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import type { FileSystemPort, RandomPort } from '@drydock/base/ports';

export interface ServiceRecordOptions {
  /** Absolute; made if it is not there. */
  readonly directory: string;
  readonly ports: { readonly files: FileSystemPort; readonly random: RandomPort };
}

export class ServiceRecord<T> {
  readonly #path: string;
  readonly #options: ServiceRecordOptions;
  #saving: Promise<void> = Promise.resolve();

  private constructor(path: string, options: ServiceRecordOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Reads what an earlier run left; `[]` when there was none. */
  static async open<T>(
    name: string,
    options: ServiceRecordOptions,
  ): Promise<{ readonly record: ServiceRecord<T>; readonly items: readonly T[] }> {
    const { files } = options.ports;
    await files.ensureDirectory(options.directory);
    const path = join(options.directory, name);
    const text = (await files.kindOf(path)) === undefined ? '[]' : await files.readText(path);
    return { record: new ServiceRecord<T>(path, options), items: JSON.parse(text) as T[] }; // only this class writes it
  }

  /** One write at a time, the latest state last. */
  async save(items: readonly T[]): Promise<void> {
    const text = `${JSON.stringify(items)}\n`;
    // A write that failed was told to whoever asked for it; the next one is made all the same.
    const previous = this.#saving.catch(() => undefined);
    this.#saving = previous.then(async () => await writeFileAtomic(this.#path, text, this.#options.ports));
    await this.#saving;
  }
}
