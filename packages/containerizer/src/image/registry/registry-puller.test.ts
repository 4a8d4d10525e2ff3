import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { waitUntil } from '@drydock/base/wait-until';
import { HttpResponse, http } from 'msw';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256, tarOf } from '../../testing/image-archive.ts';
import {
  DOCKER_MANIFEST,
  OCI_MANIFEST,
  RegistryContent,
  blobUrl,
  registryImage,
  registryIndex,
  type RegistryImage,
} from '../../testing/registry-image.ts';
import {
  ORIGIN,
  expectNothingStored,
  openRegistryStore,
  useNetwork,
  type RegistryStoreOptions,
} from '../../testing/registry-store.ts';
import type { ImageStore, StoredImage } from '../image-store.ts';
import { thisPlatform } from '../platform.ts';

const LOWER = tarOf([{ path: 'etc/' }, { path: 'etc/lower', content: 'lower' }]);
const UPPER = tarOf([{ path: 'etc/' }, { path: 'etc/upper', content: 'upper' }]);
const gzip = (tar: Buffer): Buffer => gzipSync(tar);
const zstd = (tar: Buffer): Buffer => zstdCompressSync(tar);
const platform = `linux/${thisPlatform().architecture}`;
const plain = registryImage([{ tar: LOWER, compress: gzip }, { tar: UPPER }]);

const server = useNetwork();
let directory: string;
let content: RegistryContent;
let store: ImageStore;
const openStore = async (options: RegistryStoreOptions = {}): Promise<ImageStore> =>
  await openRegistryStore(directory, options);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-'));
  content = new RegistryContent();
  server.use(content.handler(ORIGIN));
  store = await openStore();
});
afterEach(async () => await rm(directory, { recursive: true, force: true }));

const get = async (name: string, options: { isCached?: boolean; signal?: AbortSignal } = {}): Promise<StoredImage> =>
  await store.get(name, { isCached: options.isCached ?? true, signal: options.signal ?? AbortSignal.timeout(15_000) });
const contentOf = async ({ layerIds }: StoredImage): Promise<string[]> =>
  await Promise.all(
    layerIds.map(async (id) => (await readdir(join(store.layerDirectory(id), 'rootfs/etc'))).sort().join()),
  );
const failure = (name: string, why: string): string => `Failed to pull image '${name}' from '${ORIGIN}': ${why}`;

describe('RegistryPuller', () => {
  const config = { Entrypoint: ['/entry'], Env: ['A=1'], WorkingDir: '/w', User: 'u' };
  it.each([
    ['a Docker manifest with a layer in gzip', DOCKER_MANIFEST, gzip],
    ['an OCI manifest with a layer in zstd', OCI_MANIFEST, zstd],
    ['an OCI manifest with a plain layer', OCI_MANIFEST, undefined],
  ])('pulls %s', async (_title, type, compress) => {
    const lower = compress === undefined ? { tar: LOWER } : { tar: LOWER, compress };
    content.add('team/app', '1.0', registryImage([lower, { tar: UPPER }], { type, config }));
    const image = await get('team/app:1.0');
    expect(image.config).toEqual({ entrypoint: ['/entry'], cmd: [], env: ['A=1'], workingDirectory: '/w', user: 'u' });
    expect(await contentOf(image)).toEqual(['lower', 'upper']);
    expect(content.requests[0]?.headers.get('accept')).toBe(
      'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json',
    );
    expect(content.paths).toHaveLength(4);
    expect(await readdir(join(directory, 'staging'))).toEqual([]);
  });

  it.each(['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json'])(
    'finds the manifest of this machine in a document of type %s',
    async (type) => {
      const other = registryImage([{ tar: UPPER }]);
      const ours = registryImage([{ tar: LOWER }], { type: OCI_MANIFEST });
      content.add('ubuntu', 'other', other).add('ubuntu', 'ours', ours);
      const index = registryIndex({ 'windows/amd64': other, 'linux/s390x': other, [platform]: ours }, type);
      content.addManifest('ubuntu', '14.04', index);
      expect(await contentOf(await get('ubuntu:14.04'))).toEqual(['lower']);
      expect((await get('ubuntu:14.04')).stamp).toBe(`${ORIGIN}/ubuntu@sha256:${sha256(index.body)}`);
    },
  );

  it('pulls by digest, which wins over a tag', async () => {
    content.add('ubuntu', 'x', plain);
    const digest = `sha256:${sha256(plain.manifest.body)}`;
    expect(await contentOf(await get(`ubuntu:nowhere@${digest}`))).toEqual(['lower', 'upper']);
    expect(content.paths[0]).toBe(`ubuntu/manifests/${digest}`);
  });

  it.each([
    ['busybox', 'https://registry-1.docker.io', 'https://registry-1.docker.io', 'library/busybox'],
    ['docker.io/busybox', ORIGIN, 'https://registry-1.docker.io', 'library/busybox'],
    ['docker.io/team/app', ORIGIN, 'https://registry-1.docker.io', 'team/app'],
    ['quay.test/app', ORIGIN, 'https://quay.test', 'app'],
    ['127.0.0.1:5055/app', ORIGIN, 'http://127.0.0.1:5055', 'app'],
  ])('asks for %s where its name says', async (name, origin, asked, repository) => {
    store = await openStore({ origin });
    const there = new RegistryContent().add(repository, 'latest', plain);
    server.use(there.handler(asked));
    expect((await get(name)).stamp).toContain(`${asked}/${repository}@sha256:`);
  });

  it('asks nothing for a stored image, also after a restart, unless the task wants it so', async () => {
    content.add('ubuntu', 'latest', plain);
    const first = await get('ubuntu');
    expect(content.paths).toHaveLength(4);
    expect(await get('ubuntu')).toBe(first);
    store = await openStore();
    server.resetHandlers();
    expect(await get('ubuntu')).toEqual(first);
    server.use(content.handler(ORIGIN));
    expect(await get('ubuntu', { isCached: false })).toEqual(first);
    const config = [...plain.blobs.keys()][0];
    expect(content.paths.slice(4)).toEqual(['ubuntu/manifests/latest', `ubuntu/blobs/sha256:${config}`]);
  });

  it('does not take an image of another registry for its own', async () => {
    content.add('ubuntu', 'latest', plain);
    await get('ubuntu');
    store = await openStore({ origin: 'https://other.test' });
    const there = new RegistryContent().add('ubuntu', 'latest', registryImage([{ tar: UPPER }]));
    server.use(there.handler('https://other.test'));
    expect(await contentOf(await get('ubuntu'))).toEqual(['upper']);
  });

  it('asks once for what several want at a time, images and layers', async () => {
    content.add('ubuntu', 'latest', plain).add('other', 'latest', registryImage([{ tar: LOWER, compress: gzip }]));
    const images = await Promise.all(['ubuntu', 'ubuntu', 'ubuntu', 'other'].map(async (name) => await get(name)));
    expect(images[1]).toBe(images[0]);
    expect(content.paths.filter((path) => path.startsWith('ubuntu/manifests'))).toHaveLength(1);
    const lower = sha256(gzip(LOWER));
    expect(content.paths.filter((path) => path.endsWith(lower))).toHaveLength(1);
    expect(await contentOf(images[3] as StoredImage)).toEqual(['lower']);
  });

  it('goes on with a layer for one task when the other that shares it is killed', async () => {
    content.add('ubuntu', 'latest', plain).add('other', 'latest', registryImage([{ tar: LOWER, compress: gzip }]));
    const asked = Promise.withResolvers<void>();
    const killing = new AbortController();
    server.use(
      http.get(blobUrl(ORIGIN, 'ubuntu', gzip(LOWER)), async () => {
        asked.resolve();
        return await new Promise<never>(() => undefined);
      }),
    );
    const killed = get('ubuntu', { signal: killing.signal });
    killed.catch(() => undefined);
    await asked.promise;
    const other = get('other');
    killing.abort(new Error('killed'));
    await expect(killed).rejects.toThrow('killed');
    expect(await contentOf(await other)).toEqual(['lower']);
    expect(await readdir(join(directory, 'layers'))).toEqual([sha256(LOWER)]);
  });

  it('downloads three layers at a time', async () => {
    const tars = Array.from({ length: 7 }, (_, n) => tarOf([{ path: `etc/${n}`, content: String(n) }]));
    const image = registryImage(tars.map((tar) => ({ tar })));
    content.add('ubuntu', 'latest', image);
    const opening: (() => void)[] = [];
    server.use(
      ...tars.map((tar) =>
        http.get(blobUrl(ORIGIN, 'ubuntu', tar), async ({ request }) => {
          await new Promise<void>((resolve) => opening.push(resolve));
          return content.answer(request);
        }),
      ),
    );
    const pulling = get('ubuntu');
    for (const releasedCount of tars.keys()) {
      await waitUntil(() => opening.length, { what: 'a download', until: (count) => count > releasedCount });
      opening[releasedCount]?.();
      const isStaged = async (): Promise<boolean> => {
        const names = await readdir(join(directory, 'staging'));
        return names.filter((name) => name.startsWith('layer-')).length > releasedCount;
      };
      // By the time that one has gone all the way, the others that may be under way have been asked for.
      if (releasedCount < 6) await waitUntil(isStaged, { what: 'a layer to be staged' });
      expect(opening.length).toBeLessThanOrEqual(releasedCount + 1 + 3);
    }
    expect((await pulling).layerIds).toHaveLength(7);
  });

  it.each([
    ['Ubuntu', "expected a repository of lower-case letters, digits, '.', '_' and '-', got 'Ubuntu'"],
    ['a/../b', "expected a repository of lower-case letters, digits, '.', '_' and '-', got 'a/../b'"],
    ['a:?x', "expected a tag of letters, digits, '.', '_' and '-', got '?x'"],
    ['a@sha512:00', "expected sha256:<64 hex digits> after the @, got 'sha512:00'"],
    ['evil.test:80:80/a', "expected a host and its port before the first /, got 'evil.test:80:80'"],
    ['u@evil.test/a', "expected sha256:<64 hex digits> after the @, got 'evil.test/a'"],
    ['', "expected a repository of lower-case letters, digits, '.', '_' and '-', got ''"],
  ])('refuses the name %j before it asks anyone', async (name, why) => {
    await expect(get(name)).rejects.toThrow(`Failed to parse docker image '${name}': ${why}`);
    expect(content.requests).toEqual([]);
  });

  it.each<[string, () => void, string, string]>([
    [
      'has nothing by that name',
      () => undefined,
      'not-found',
      "Unexpected HTTP response '404 Not Found' when trying to get the manifest: MANIFEST_UNKNOWN: it is not known; check the name of the image, or push it",
    ],
    [
      'has no manifest for this machine',
      () => content.addManifest('ubuntu', 'latest', registryIndex({ 'windows/amd64': plain, 'linux/arm/v4': plain })),
      'unsupported',
      `the image has no manifest for ${platform}, it has: windows/amd64, linux/arm/v4`,
    ],
    [
      'has an index within an index',
      () => {
        const inner = registryIndex({ [platform]: plain });
        const nested = registryIndex({ [platform]: { manifest: inner, blobs: new Map() } });
        content.addManifest('ubuntu', 'inner', inner).addManifest('ubuntu', 'latest', nested);
      },
      'unsupported',
      'the image is an index within an index',
    ],
    [
      'has schema 1',
      () =>
        content.addManifest('ubuntu', 'latest', {
          body: Buffer.from('{"schemaVersion":1,"fsLayers":[]}'),
          type: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
        }),
      'unsupported',
      'Unsupported manifest MIME type: application/vnd.docker.distribution.manifest.v1+prettyjws; schema 1 has no digests of its content; push the image again with Docker 1.10 or later',
    ],
    [
      'says two things about a manifest',
      () => content.addManifest('ubuntu', 'latest', { ...plain.manifest, type: OCI_MANIFEST }),
      'damaged',
      `The manifest was sent as '${OCI_MANIFEST}' and says that it is '${DOCKER_MANIFEST}'`,
    ],
    [
      'has a document that is no manifest',
      () => content.addManifest('ubuntu', 'latest', { body: Buffer.from('<html>'), type: 'text/html' }),
      'damaged',
      'Failed to parse the image manifest: it is not JSON',
    ],
    [
      'has a manifest that is too large',
      () =>
        content.addManifest('ubuntu', 'latest', { ...plain.manifest, body: Buffer.alloc(4 * 1024 * 1024 + 1, ' ') }),
      'damaged',
      'Expected at most 4194304 bytes when trying to get the manifest, got more',
    ],
    [
      'has a layer that is too large',
      () => content.add('ubuntu', 'latest', registryImage([{ tar: LOWER, claimedSizeBytes: 2 ** 40 }])),
      'unsupported',
      'Failed to parse the image manifest: expected a layer of at most 17179869184 bytes, got 1099511627776',
    ],
    [
      'sends more of a layer than it says',
      () => content.add('ubuntu', 'latest', registryImage([{ tar: LOWER, claimedSizeBytes: 100 }])),
      'damaged',
      `Expected 100 bytes of the blob 'sha256:${sha256(LOWER)}', got more`,
    ],
    [
      'sends less of a layer than it says',
      () => content.add('ubuntu', 'latest', registryImage([{ tar: LOWER, claimedSizeBytes: LOWER.length + 1 }])),
      'unreachable',
      `Expected ${LOWER.length + 1} bytes of the blob 'sha256:${sha256(LOWER)}', got ${LOWER.length} (3 attempts)`,
    ],
    [
      'lies about the digest of a layer',
      () =>
        content.add('ubuntu', 'latest', registryImage([{ tar: UPPER }, { tar: LOWER, claimedDigest: 'a'.repeat(64) }])),
      'damaged',
      `The digest of the blob 'sha256:${'a'.repeat(64)}' does not match: got sha256:${sha256(LOWER)}`,
    ],
    [
      'lies about what is in a layer',
      () => content.add('ubuntu', 'latest', registryImage([{ tar: LOWER, claimedDiffId: sha256(UPPER) }])),
      'damaged',
      `The digest of 'sha256:${sha256(LOWER)}' does not match: expected sha256:${sha256(UPPER)}, got sha256:${sha256(LOWER)}`,
    ],
    [
      'lacks a layer',
      () => {
        const { manifest, blobs } = plain;
        content.add('ubuntu', 'latest', { manifest, blobs: new Map([...blobs].slice(0, 1)) });
      },
      'not-found',
      "Unexpected HTTP response '404 Not Found' when trying to download the blob: BLOB_UNKNOWN: it is not known; check the name of the image, or push it",
    ],
  ])('refuses a registry that %s, and keeps nothing', async (_title, arrange, kind, why) => {
    arrange();
    const pulling = get('ubuntu');
    await expect(pulling).rejects.toThrow(failure('ubuntu', why));
    await expect(pulling).rejects.toMatchObject({ code: 'PULL_FAILED', failure: kind, registry: ORIGIN });
    await expectNothingStored(directory);
  });

  it.each<[string, string, RegistryImage, RegExp]>([
    [
      'a manifest that is another',
      `sha256:${'a'.repeat(64)}`,
      plain,
      /The digest of the manifest does not match: expected sha256:a+, got/,
    ],
    [
      'a manifest without digests',
      'x',
      {
        ...plain,
        manifest: {
          ...plain.manifest,
          body: Buffer.from(`{"mediaType":"${DOCKER_MANIFEST}","config":{"digest":"md5:0"}}`),
        },
      },
      /expected the digest of the configuration to be a sha256, got 'md5:0'/,
    ],
  ])('refuses %s', async (_title, reference, image, why) => {
    content.add('ubuntu', reference, image);
    await expect(get(reference === 'x' ? 'ubuntu:x' : `ubuntu@${reference}`)).rejects.toThrow(why);
    await expectNothingStored(directory);
  });

  it('refuses a configuration that is not what its digest says', async () => {
    const [digest = '', body = Buffer.alloc(0)] = [...plain.blobs][0] ?? [];
    const changed = Buffer.from(body.toString().replace('layers', 'LAYERS'));
    content.add('ubuntu', 'latest', { ...plain, blobs: new Map(plain.blobs).set(digest, changed) });
    await expect(get('ubuntu')).rejects.toThrow(`The digest of 'sha256:${digest}' does not match: got sha256:`);
    await expectNothingStored(directory);
  });

  it('gives up when its task is killed, and keeps nothing', async () => {
    content.add('ubuntu', 'latest', plain);
    const asked = Promise.withResolvers<void>();
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new Uint8Array(LOWER.subarray(0, 10)));
        asked.resolve();
      },
    });
    server.use(http.get(blobUrl(ORIGIN, 'ubuntu', UPPER), () => new HttpResponse(body)));
    const killing = new AbortController();
    const pulling = get('ubuntu', { signal: killing.signal });
    pulling.catch(() => undefined);
    await asked.promise;
    killing.abort(new Error('killed'));
    await expect(pulling).rejects.toThrow('killed');
    await expectNothingStored(directory);
  });
});
