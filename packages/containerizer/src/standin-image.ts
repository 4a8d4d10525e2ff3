/**
 * Builds an image archive that stands in for `ubuntu:14.04` where the real one cannot be had: busybox under the names of
 * its applets, in the layout that `docker save` writes. Its configuration carries the label `drydock.standin=true`. Equal
 * input gives equal bytes.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Header } from 'tar';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { systemCodeOf } from '@drydock/base/errors';

export interface StandinImageOptions {
  /** `<registry directory>/ubuntu:14.04.tar`; its directory is made. */
  readonly outputPath: string;
  /** Default `ubuntu:14.04`. */
  readonly name?: string;
  /** A static busybox; default `/bin/busybox`. */
  readonly busyboxPath?: string;
}

const APPLETS =
  'ash sh ls touch cat echo sleep test [ id env mkdir rmdir rm cp mv ln true false pwd ps kill df head tail wc sort grep sed printf date stat chmod chown mount umount hostname uname whoami find dd readlink seq tr vi'.split(
    ' ',
  );
const DIRECTORIES = 'bin dev etc mnt proc root sys tmp usr usr/bin usr/sbin sbin var var/tmp run home'.split(' ');

/** Writes the archive, or leaves it alone when it is up to date; says which. */
export async function buildStandinImage(options: StandinImageOptions): Promise<'built' | 'up-to-date'> {
  const { outputPath, name = 'ubuntu:14.04', busyboxPath = '/bin/busybox' } = options;
  const busybox = await readFile(busyboxPath);
  const archive = toArchive(name, toLayer(busybox));
  if ((await readIfThere(outputPath))?.equals(archive) === true) return 'up-to-date';
  await mkdir(dirname(outputPath), { recursive: true });
  await writeFileAtomic(outputPath, archive);
  return 'built';
}

function toLayer(busybox: Buffer): Buffer {
  const text = (path: string, content: string): Buffer => entry(path, { content: Buffer.from(content) });
  return Buffer.concat([
    ...DIRECTORIES.map((path) => entry(`${path}/`, { mode: path.endsWith('tmp') ? 0o1777 : 0o755 })),
    entry('bin/busybox', { content: busybox, mode: 0o755 }),
    ...APPLETS.map((applet) => entry(`bin/${applet}`, { linkTarget: 'busybox' })),
    entry('usr/bin/test', { linkTarget: '/bin/busybox' }),
    text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n'),
    text('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
    text('etc/os-release', 'NAME="Drydock stand-in image"\nID=drydock-standin\n'),
    Buffer.alloc(1024),
  ]);
}

function toArchive(name: string, layer: Buffer): Buffer {
  const digest = sha256(layer);
  const configuration = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: {
        Cmd: ['/bin/sh'],
        Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        Labels: { 'drydock.standin': 'true' },
      },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    }),
  );
  const configurationName = `${sha256(configuration)}.json`;
  const layerName = `${digest}/layer.tar`;
  const manifest = [{ Config: configurationName, RepoTags: [name], Layers: [layerName] }];
  return Buffer.concat([
    entry(configurationName, { content: configuration }),
    entry(`${digest}/`, { mode: 0o755 }),
    entry(layerName, { content: layer }),
    entry('manifest.json', { content: Buffer.from(JSON.stringify(manifest)) }),
    Buffer.alloc(1024),
  ]);
}

/** One tar entry of root at the epoch: a directory (name ends in `/`), a symbolic link, or a file. */
function entry(path: string, options: { content?: Buffer; linkTarget?: string; mode?: number }): Buffer {
  const { content = Buffer.alloc(0), linkTarget, mode = 0o644 } = options;
  const header = new Header({
    path,
    mode: linkTarget === undefined ? mode : 0o777,
    uid: 0,
    gid: 0,
    size: content.length,
    mtime: new Date(0),
    type: linkTarget !== undefined ? 'SymbolicLink' : path.endsWith('/') ? 'Directory' : 'File',
    ...(linkTarget === undefined ? {} : { linkpath: linkTarget }),
  });
  header.encode();
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header.block ?? Buffer.alloc(0), content, padding]);
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
