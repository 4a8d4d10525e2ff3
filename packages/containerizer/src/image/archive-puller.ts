/**
 * Takes images from a directory of archives, `<directory>/<name>.tar`.
 *
 * DEVIATION: an image whose archive was replaced is pulled again; upstream takes what it stored once under that name.
 * @see src/slave/containerizer/mesos/provisioner/docker/image_tar_puller.cpp
 */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import { readArchiveMembers } from './archive-members.ts';
import { ImageError } from './image-error.ts';
import { findImage } from './image-layout.ts';
import { readDiffId } from './layer-unpacker.ts';
import type { Puller, PulledImage, PullOptions } from './puller.ts';

export class ArchivePuller implements Puller {
  readonly #directory: string;

  /** `directory` is absolute. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async isCurrent(name: string, stamp: string): Promise<boolean> {
    return stamp === (await this.#stampOf(name));
  }

  async pull(name: string, options: PullOptions): Promise<PulledImage> {
    const { layers: pulled, signal } = options;
    const stamp = await this.#stampOf(name);
    const directory = join(options.directory, 'members');
    await mkdir(directory);
    const members = await readArchiveMembers(this.#archiveOf(name), directory, { signal });
    const { config, layers } = await findImage(members, name);
    const layerIds: string[] = [];
    for (const { member, diffId: given } of layers) {
      const diffId = given ?? (await readDiffId(members.stream(member), { signal }));
      await pulled.stage({ name: member, diffId, open: () => members.stream(member) }, { signal });
      layerIds.push(diffId);
    }
    return { stamp, config, layerIds };
  }

  #archiveOf(name: string): string {
    const isName = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
    if (!isName || name.includes('\0')) {
      throw new ImageError(`Failed to parse docker image '${name}': not the name of an image`);
    }
    return join(this.#directory, `${name}.tar`);
  }

  /** Changes when the archive is replaced. */
  async #stampOf(name: string): Promise<string> {
    const archive = this.#archiveOf(name);
    try {
      const { size, mtimeNs, ino } = await stat(archive, { bigint: true });
      return `${archive} ${ino} ${size} ${mtimeNs}`;
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT' && systemCodeOf(error) !== 'ENOTDIR') throw error;
      throw new ImageError(`Failed to find archive for image '${name}' at '${archive}'`, { cause: error });
    }
  }
}
