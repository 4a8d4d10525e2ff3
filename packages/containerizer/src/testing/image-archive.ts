/** Builds image archives in memory for tests, in the layouts that `docker save` has written over the years. */
import { createHash } from 'node:crypto';
import { Header } from 'tar';

export interface TarMember {
  readonly path: string;
  /** Default: a directory when the path ends in `/`, else a file. */
  readonly type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO';
  readonly content?: string | Buffer;
  readonly linkTarget?: string;
  /** Default 0o755. */
  readonly mode?: number;
}

/** A whole tar of `members`, whose names may be as hostile as a test needs; everything belongs to the test's user. */
export function tarOf(members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.map(toBlocks), Buffer.alloc(1024)]);
}

/** The records of one member, without the end of an archive. */
export function toBlocks(member: TarMember): Buffer {
  const { path, content = '', linkTarget, mode = 0o755 } = member;
  const data = Buffer.from(content);
  const header = new Header({
    path,
    type: member.type ?? (path.endsWith('/') ? 'Directory' : 'File'),
    mode,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    size: data.length,
    mtime: new Date(1000),
    ...(linkTarget === undefined ? {} : { linkpath: linkTarget }),
  });
  header.encode();
  return Buffer.concat([header.block ?? Buffer.alloc(0), data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

interface LayerSource {
  /** The uncompressed tar. */
  readonly tar: Buffer;
  /** Makes the bytes that the archive holds; default: the tar itself. */
  readonly compress?: (tar: Buffer) => Buffer;
  /** Instead of the true digest of `tar`, in the configuration. */
  readonly claimedDiffId?: string;
}

/** The layout with `manifest.json` and `blobs/sha256/<digest>`, as Docker 25 and later write it. */
export function currentArchive(
  name: string,
  layers: readonly LayerSource[],
  config: Readonly<Record<string, unknown>> = {},
): Buffer {
  const blobs = new Map<string, Buffer>();
  const blobOf = (data: Buffer): string => {
    const path = `blobs/sha256/${sha256(data)}`;
    blobs.set(path, data);
    return path;
  };
  const diffIds = layers.map(({ tar, claimedDiffId }) => `sha256:${claimedDiffId ?? sha256(tar)}`);
  const document = { config, rootfs: { type: 'layers', diff_ids: diffIds } };
  const manifest = {
    Config: blobOf(Buffer.from(JSON.stringify(document))),
    RepoTags: [name],
    Layers: layers.map(({ tar, compress }) => blobOf(compress?.(tar) ?? tar)),
  };
  return tarOf([
    { path: 'blobs/' },
    { path: 'blobs/sha256/' },
    ...[...blobs].map(([path, content]) => ({ path, content })),
    { path: 'manifest.json', content: JSON.stringify([manifest]) },
  ]);
}

/** The OCI layout, in which the image is named by annotation and found through an index of architectures. */
export function ociArchive(
  annotations: Readonly<Record<string, string>>,
  layers: readonly LayerSource[],
  config: Readonly<Record<string, unknown>> = {},
  architecture: string = process.arch === 'x64' ? 'amd64' : process.arch,
): Buffer {
  const blobs: TarMember[] = [];
  const descriptorOf = (data: Buffer): { readonly digest: string; readonly size: number } => {
    blobs.push({ path: `blobs/sha256/${sha256(data)}`, content: data });
    return { digest: `sha256:${sha256(data)}`, size: data.length };
  };
  const documentOf = (document: unknown): ReturnType<typeof descriptorOf> =>
    descriptorOf(Buffer.from(JSON.stringify(document)));
  const rootfs = { type: 'layers', diff_ids: layers.map(({ tar }) => `sha256:${sha256(tar)}`) };
  const manifest = {
    config: documentOf({ config, rootfs }),
    layers: layers.map(({ tar, compress }) => descriptorOf(compress?.(tar) ?? tar)),
  };
  const platforms = { manifests: [{ ...documentOf(manifest), platform: { os: 'linux', architecture } }] };
  const index = { schemaVersion: 2, manifests: [{ ...documentOf(platforms), annotations }] };
  return tarOf([
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', content: JSON.stringify(index) },
    ...blobs,
  ]);
}

interface ClassicLayer {
  readonly id: string;
  readonly parent?: string;
  readonly tar: Buffer;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The layout with `repositories`, `<layer>/json` and `<layer>/layer.tar`, as Docker before 1.10 wrote it. */
export function classicArchive(
  repositories: Readonly<Record<string, Readonly<Record<string, string>>>>,
  layers: readonly ClassicLayer[],
): Buffer {
  return tarOf([
    ...layers.flatMap(({ id, parent, tar, config }) => [
      { path: `${id}/` },
      { path: `${id}/VERSION`, content: '1.0' },
      { path: `${id}/json`, content: JSON.stringify({ id, parent, config }) },
      { path: `${id}/layer.tar`, content: tar },
    ]),
    { path: 'repositories', content: JSON.stringify(repositories) },
  ]);
}

/** Digest in hex. */
export function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
