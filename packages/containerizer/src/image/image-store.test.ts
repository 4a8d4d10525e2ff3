import { open, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '@drydock/base/log';
import { runOrThrow } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { classicArchive, currentArchive, ociArchive, sha256, tarOf } from '../testing/image-archive.ts';
import { ArchivePuller } from './archive-puller.ts';
import { ImageStore, type StoredImage } from './image-store.ts';

const LOWER = tarOf([{ path: 'etc/' }, { path: 'etc/lower', content: 'lower' }]);
const UPPER = tarOf([{ path: 'etc/' }, { path: 'etc/upper', content: 'upper' }]);
const CONFIG = { Entrypoint: ['/entry'], Cmd: ['-c'], Env: ['A=1'], WorkingDir: '/w', User: 'u' };
const CLASSIC_LAYERS = [
  { id: 'top', parent: 'bottom', tar: UPPER, config: CONFIG },
  { id: 'bottom', tar: LOWER, config: { Cmd: ['wrong'] } },
];

let base: string;
let registry: string;
let directory: string;
let store: ImageStore;
const openStore = async (): Promise<ImageStore> =>
  await ImageStore.open({ directory, puller: new ArchivePuller(registry), logger: silentLogger });
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'store-'));
  registry = join(base, 'registry');
  directory = join(base, 'store');
  await mkdir(join(registry, 'library'), { recursive: true });
  store = await openStore();
});
afterEach(async () => await rm(base, { recursive: true, force: true }));

const put = async (name: string, archive: Buffer): Promise<void> =>
  await writeFile(join(registry, `${name}.tar`), archive);
const get = async (name: string, isCached = true): Promise<StoredImage> =>
  await store.get(name, { isCached, signal: AbortSignal.timeout(10_000) });
const contentOf = async ({ layerIds }: StoredImage): Promise<string[]> =>
  await Promise.all(
    layerIds.map(async (id) => (await readdir(join(store.layerDirectory(id), 'rootfs/etc'))).sort().join()),
  );

describe('ImageStore', () => {
  it.each([
    ['the classic layout', classicArchive({ ubuntu: { '14.04': 'top' } }, CLASSIC_LAYERS)],
    ['the current layout', currentArchive('ubuntu:14.04', [{ tar: LOWER }, { tar: UPPER }], CONFIG)],
    [
      'layers compressed with gzip and zstd',
      currentArchive(
        'ubuntu:14.04',
        [
          { tar: LOWER, compress: (tar) => gzipSync(tar) },
          { tar: UPPER, compress: (tar) => zstdCompressSync(tar) },
        ],
        CONFIG,
      ),
    ],
    [
      'the OCI layout with a full name',
      ociArchive(
        { 'io.containerd.image.name': 'docker.io/library/ubuntu:14.04', 'org.opencontainers.image.ref.name': 'x' },
        [{ tar: LOWER, compress: (tar) => gzipSync(tar) }, { tar: UPPER }],
        CONFIG,
      ),
    ],
    [
      'the OCI layout with a tag',
      ociArchive({ 'org.opencontainers.image.ref.name': '14.04' }, [{ tar: LOWER }, { tar: UPPER }], CONFIG),
    ],
    [
      'a compressed archive',
      gzipSync(currentArchive('docker.io/library/ubuntu:14.04', [{ tar: LOWER }, { tar: UPPER }], CONFIG)),
    ],
  ])('reads %s, the lowest layer first, with the configuration of the top', async (_title, archive) => {
    await put('ubuntu:14.04', archive);
    const image = await get('ubuntu:14.04');
    expect(image.config).toEqual({
      entrypoint: ['/entry'],
      cmd: ['-c'],
      env: ['A=1'],
      workingDirectory: '/w',
      user: 'u',
    });
    expect(await contentOf(image)).toEqual(['lower', 'upper']);
    expect(await readdir(join(directory, 'staging'))).toEqual([]);
  });

  it('takes latest for a missing tag, and a directory for a name with a slash', async () => {
    await put('ubuntu', classicArchive({ ubuntu: { latest: 'bottom', old: 'top' } }, CLASSIC_LAYERS));
    await put('library/ubuntu', currentArchive('ubuntu:latest', [{ tar: UPPER }]));
    expect(await contentOf(await get('ubuntu'))).toEqual(['lower']);
    expect(await contentOf(await get('library/ubuntu'))).toEqual(['upper']);
  });

  it('reads a layer that the archive holds as a link to another', async () => {
    const config = JSON.stringify({ rootfs: { diff_ids: [0, 0].map(() => `sha256:${sha256(LOWER)}`) } });
    await put(
      'twice',
      tarOf([
        { path: 'a/layer.tar', content: LOWER },
        { path: 'b/layer.tar', type: 'SymbolicLink', linkTarget: '../a/layer.tar' },
        { path: 'config.json', content: config },
        {
          path: 'manifest.json',
          content: JSON.stringify([
            { Config: 'config.json', RepoTags: ['twice:latest'], Layers: ['a/layer.tar', 'b/layer.tar'] },
          ]),
        },
      ]),
    );
    expect(await contentOf(await get('twice'))).toEqual(['lower', 'lower']);
  });

  it.each([
    ['gone', undefined, () => `Failed to find archive for image 'gone' at '${registry}/gone.tar'`],
    [
      'other:1',
      classicArchive({ ubuntu: { latest: 'bottom' } }, CLASSIC_LAYERS),
      () => "Repository 'other' does not exist in 'repositories'",
    ],
    [
      'ubuntu:2',
      classicArchive({ ubuntu: { latest: 'bottom' } }, CLASSIC_LAYERS),
      () => "Tag '2' of 'ubuntu' does not exist in 'repositories'",
    ],
    [
      'ubuntu:3',
      currentArchive('ubuntu:2', [{ tar: LOWER }]),
      () => "Repository 'ubuntu:3' does not exist in 'manifest.json'",
    ],
    ['ubuntu:4', classicArchive({ ubuntu: { 4: 'nowhere' } }, CLASSIC_LAYERS), () => "Layer id 'nowhere' is not found"],
    [
      'ubuntu:5',
      ociArchive({ 'org.opencontainers.image.ref.name': '6' }, [{ tar: LOWER }]),
      () => "Repository 'ubuntu:5' does not exist in 'index.json'",
    ],
    [
      'ubuntu:6',
      ociArchive({ 'org.opencontainers.image.ref.name': '6' }, [{ tar: LOWER }], {}, 's390x'),
      () => "The image 'ubuntu:6' has no manifest for linux/",
    ],
    [
      'empty',
      tarOf([{ path: 'readme', content: 'x' }]),
      () => "Failed to read 'repositories': No such file or directory",
    ],
    ['broken', tarOf([{ path: 'repositories', content: '{' }]), () => "Failed to read 'repositories': "],
    ['text', Buffer.from('this is not a tar archive'.repeat(100)), () => 'The archive is damaged'],
    ['a/../../etc', undefined, () => "Failed to parse docker image 'a/../../etc'"],
  ])('refuses image %s in the words of upstream and keeps nothing', async (name, archive, message) => {
    if (archive !== undefined) await put(name, archive);
    await expect(get(name)).rejects.toThrow(message());
    await expectNothingStored();
  });

  it('refuses a parent that is its own ancestor', async () => {
    await put('loop', classicArchive({ loop: { latest: 'a' } }, [{ id: 'a', parent: 'a', tar: LOWER }]));
    await expect(get('loop')).rejects.toThrow('The image has more than 127 layers');
  });

  it.each([
    ['layer', currentArchive('bad', [{ tar: LOWER, claimedDiffId: sha256(UPPER) }])],
    [
      'blob',
      Buffer.from(
        currentArchive('bad', [{ tar: LOWER }])
          .toString('latin1')
          .replace('lower\0', 'LOWER\0'),
        'latin1',
      ),
    ],
  ])('refuses a %s that is not what its digest says, and keeps nothing', async (_title, archive) => {
    await put('bad', archive);
    await expect(get('bad')).rejects.toThrow(/^The digest of 'blobs\/sha256\/.*' does not match: expected sha256:/);
    await expectNothingStored();
  });

  it('notices a changed archive, and otherwise reads it once, also after a restart', async () => {
    await put('ubuntu', currentArchive('ubuntu:latest', [{ tar: LOWER }]));
    const first = await get('ubuntu');
    expect(await get('ubuntu')).toBe(first);
    expect(await get('ubuntu', false)).not.toBe(first);
    store = await openStore();
    await rm(join(registry, 'ubuntu.tar'));
    await expect(get('ubuntu')).rejects.toThrow('Failed to find archive');
    await put('ubuntu', currentArchive('ubuntu:latest', [{ tar: UPPER }]));
    expect(await contentOf(await get('ubuntu'))).toEqual(['upper']);
  });

  it('keeps images over a restart', async () => {
    await put('ubuntu', currentArchive('ubuntu:latest', [{ tar: LOWER }]));
    const { stamp } = await get('ubuntu');
    const path = join(directory, 'storedImages');
    // Only what the list says tells a stored image from one that would be pulled again.
    await writeFile(path, (await readFile(path, 'utf8')).replace('"cmd":[]', '"cmd":["kept"]'));
    store = await openStore();
    expect(await get('ubuntu')).toMatchObject({ stamp, config: { cmd: ['kept'] } });
  });

  it('pulls an image again when a layer of it is gone or the list is unreadable', async () => {
    await put('ubuntu', currentArchive('ubuntu:latest', [{ tar: LOWER }]));
    const [layerId = ''] = (await get('ubuntu')).layerIds;
    await rm(store.layerDirectory(layerId), { recursive: true });
    store = await openStore();
    expect(await contentOf(await get('ubuntu'))).toEqual(['lower']);
    await writeFile(join(directory, 'storedImages'), '{"version":1,"images":[{}]}');
    store = await openStore();
    expect(await contentOf(await get('ubuntu'))).toEqual(['lower']);
  });

  it('shares one pull among those who ask at once, and one layer among images', async () => {
    await put('ubuntu', currentArchive('ubuntu:latest', [{ tar: LOWER }]));
    await put('other', currentArchive('other:latest', [{ tar: LOWER }, { tar: UPPER }]));
    const [first, ...rest] = await Promise.all(['ubuntu', 'ubuntu', 'ubuntu', 'other', 'other'].map((it) => get(it)));
    expect(rest.filter((image) => image === first)).toHaveLength(2);
    expect(rest[2]).toBe(rest[3]);
    expect((await readdir(join(directory, 'layers'))).sort()).toEqual([sha256(LOWER), sha256(UPPER)].sort());
  });

  it('forgets a pull that was interrupted in the middle of the archive', async () => {
    const path = join(registry, 'ubuntu.tar');
    const archive = currentArchive('ubuntu:latest', [{ tar: LOWER }]);
    await runOrThrow(['mkfifo', path]);
    const aborting = new AbortController();
    const pulling = store.get('ubuntu', { isCached: true, signal: aborting.signal });
    // Handled below; it must not count as unhandled while the archive is written.
    pulling.catch(() => undefined);
    {
      await using pipe = await open(path, 'w');
      await pipe.write(archive.subarray(0, 3000));
      await waitUntil(
        async () => (await readdir(directory, { recursive: true })).some((it) => it.endsWith('members/0')),
        {
          what: 'the first member of the archive',
        },
      );
      aborting.abort(new Error('given up'));
    }
    await expect(pulling).rejects.toThrow('given up');
    await expectNothingStored();
    await rm(path);
    await put('ubuntu', archive);
    expect(await contentOf(await get('ubuntu'))).toEqual(['lower']);
  });

  it('removes at the start what a killed run left half unpacked', async () => {
    await mkdir(join(directory, 'staging/pull-x/layer-y/rootfs/etc'), { recursive: true });
    store = await openStore();
    expect(await readdir(join(directory, 'staging'))).toEqual([]);
    await expectNothingStored();
  });

  it('keeps hostile members of the archive inside', async () => {
    const outside = join(base, 'outside');
    await mkdir(outside);
    await put(
      'evil',
      Buffer.concat([
        tarOf([
          { path: '../../outside/up', content: 'x' },
          { path: join(outside, 'absolute'), content: 'x' },
          { path: 'link', type: 'SymbolicLink', linkTarget: outside },
          { path: 'link/through', content: 'x' },
          { path: 'blobs/../../../outside/dotted', content: 'x' },
        ]).subarray(0, -1024),
        currentArchive('evil:latest', [{ tar: LOWER }]),
      ]),
    );
    expect(await contentOf(await get('evil'))).toEqual(['lower']);
    expect(await readdir(outside)).toEqual([]);
  });

  it('reads nothing of the host through a link in the archive', async () => {
    await put('evil', tarOf([{ path: 'repositories', type: 'SymbolicLink', linkTarget: '/etc/passwd' }]));
    await expect(get('evil')).rejects.toThrow("Failed to read 'repositories': No such file or directory");
  });
});

async function expectNothingStored(): Promise<void> {
  expect(await readdir(join(directory, 'staging'))).toEqual([]);
  expect(await readdir(join(directory, 'layers'))).toEqual([]);
  expect(await readdir(directory)).not.toContain('storedImages');
}
