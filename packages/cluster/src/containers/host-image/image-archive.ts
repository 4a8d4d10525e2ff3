/** An image as `docker load` takes it: layers, a configuration and a manifest in one archive. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { create } from 'tar';
import { stage, type ImageFile } from './image-file.ts';

/** A layer as a file. */
export interface ImageLayer {
  readonly path: string;
  /** Of the bytes; the `diff_id` of the layer. */
  readonly sha256: string;
}

/** An image that consists of the layers; several of one archive share them. */
export interface ImageToLoad {
  /** `drydock/host:TAG` */
  readonly name: string;
  readonly command: readonly string[];
}

/** Makes the layer, or finds it where an earlier call has put it; `key` names its content. */
export async function ensureLayer(directory: string, key: string, files: readonly ImageFile[]): Promise<ImageLayer> {
  const path = join(directory, `${key}.tar`);
  await mkdir(directory, { recursive: true });
  const isThere = (await readdir(directory)).includes(`${key}.tar`);
  if (!isThere) await buildLayer(path, files);
  return { path, sha256: await sha256Of(path) };
}

async function buildLayer(path: string, files: readonly ImageFile[]): Promise<void> {
  const work = await mkdtemp(join(dirname(path), 'building-'));
  try {
    const root = join(work, 'root');
    await mkdir(root);
    await stage(files, root);
    const draft = join(work, 'layer.tar');
    await create({ cwd: root, file: draft, portable: true, mtime: new Date(0) }, ['.']);
    await rename(draft, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Gives the archive as a stream; what is laid out for it is removed when the stream has ended. */
export async function toArchive(
  directory: string,
  layers: readonly ImageLayer[],
  images: readonly ImageToLoad[],
): Promise<Readable> {
  const work = await mkdtemp(join(directory, 'archive-'));
  const names: string[] = [];
  const put = async (name: string, text: string): Promise<string> => {
    await writeFile(join(work, name), text);
    names.push(name);
    return name;
  };
  for (const { path, sha256 } of layers) {
    await link(path, join(work, `${sha256}.tar`));
    names.push(`${sha256}.tar`);
  }
  const manifest = [];
  for (const { name, command } of images) {
    const configuration = JSON.stringify(toConfiguration(layers, command));
    const file = await put(`${createHash('sha256').update(configuration).digest('hex')}.json`, configuration);
    manifest.push({ Config: file, RepoTags: [name], Layers: layers.map(({ sha256 }) => `${sha256}.tar`) });
  }
  await put('manifest.json', JSON.stringify(manifest));
  return Readable.from(
    (async function* () {
      try {
        yield* create({ cwd: work, portable: true }, names);
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    })(),
  );
}

function toConfiguration(layers: readonly ImageLayer[], command: readonly string[]): object {
  return {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: command },
    rootfs: { type: 'layers', diff_ids: layers.map(({ sha256 }) => `sha256:${sha256}`) },
  };
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Removes the layers in a directory but the named. */
export async function removeOtherLayers(directory: string, keys: readonly string[]): Promise<void> {
  for (const name of await readdir(directory)) {
    if (keys.includes(name.replace(/\.tar$/, ''))) continue;
    // What another process is building is young.
    const { mtimeMs } = await stat(join(directory, name));
    if (Date.now() - mtimeMs > 3_600_000) await rm(join(directory, name), { recursive: true, force: true });
  }
}
