/**
 * Pushes an image archive, of one image in the layout with `manifest.json`, as `docker push` does.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runOrThrow } from '@drydock/base/subprocess';

const DOCKER = 'application/vnd.docker';
const REQUEST_MS_MAX = 20_000;

export interface PushTarget {
  /** `host:port`, spoken to without TLS. */
  readonly host: string;
  readonly repository: string;
  readonly tag: string;
  /** The header `Authorization`. */
  readonly authorization?: string;
}

/** Layers are compressed with gzip. Gives the digest of the manifest, `sha256:<hex>`. */
export async function pushImage(archive: string, target: PushTarget): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'push-'));
  try {
    await runOrThrow(['tar', '--extract', `--file=${archive}`, `--directory=${directory}`]);
    const read = async (name: string): Promise<Buffer> => await readFile(join(directory, name));
    // What set-up builds.
    const [image] = JSON.parse((await read('manifest.json')).toString()) as [{ Config: string; Layers: string[] }];
    const configuration = await pushBlob(target, await read(image.Config));
    const layers = await Promise.all(
      image.Layers.map(async (name) => await pushBlob(target, gzipSync(await read(name)))),
    );
    const type = `${DOCKER}.distribution.manifest.v2+json`;
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: { mediaType: `${DOCKER}.container.image.v1+json`, ...configuration },
      layers: layers.map((layer) => ({ mediaType: `${DOCKER}.image.rootfs.diff.tar.gzip`, ...layer })),
    });
    await send(target, 'PUT', `manifests/${target.tag}`, 201, { body: manifest, type });
    return digestOf(Buffer.from(manifest));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function pushBlob(target: PushTarget, blob: Buffer): Promise<{ readonly digest: string; readonly size: number }> {
  const upload = await send(target, 'POST', 'blobs/uploads/', 202);
  const url = new URL(upload.headers.get('location') ?? '', upload.url);
  const digest = digestOf(blob);
  url.searchParams.set('digest', digest);
  await send(target, 'PUT', url.href, 201, { body: new Uint8Array(blob), type: 'application/octet-stream' });
  return { digest, size: blob.length };
}

/** `path` is below the repository, or a whole URL. */
async function send(
  { host, repository, authorization }: PushTarget,
  method: string,
  path: string,
  status: number,
  content?: { readonly body: Uint8Array<ArrayBuffer> | string; readonly type: string },
): Promise<Response> {
  const url = new URL(path, `http://${host}/v2/${repository}/`);
  const response = await fetch(url, {
    method,
    headers: {
      ...(content === undefined ? {} : { 'Content-Type': content.type }),
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    },
    signal: AbortSignal.timeout(REQUEST_MS_MAX),
    ...(content === undefined ? {} : { body: content.body }),
  });
  const text = await response.text();
  if (response.status !== status) {
    throw new Error(`${method} ${url.href} was answered with ${response.status}: ${text}`);
  }
  return response;
}

function digestOf(data: Buffer): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}
