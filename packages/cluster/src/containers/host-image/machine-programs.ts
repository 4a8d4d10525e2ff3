/**
 * The lower layer of a host's image, from what this machine has: its programs, the libraries that they are linked with,
 * and busybox under the names of its applets. No registry is asked, no package unpacked.
 */
import { access, constants } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DomainError } from '@drydock/base/errors';
import { run } from '@drydock/base/subprocess';
import type { ImageFile } from './image-file.ts';

/** A program that a host needs is not on this machine. */
export class MissingProgramError extends DomainError<'MISSING_PROGRAM'> {
  readonly code = 'MISSING_PROGRAM';
}

/** What the agent, the drivers and the containers start, and where it goes. */
const PROGRAMS: readonly { readonly name: string; readonly target: string; readonly isOptional?: true }[] = [
  { name: 'runc', target: 'usr/sbin/runc' },
  { name: 'crun', target: 'usr/bin/crun', isOptional: true },
  { name: 'tini-static', target: 'usr/bin/tini-static' },
  { name: 'busybox', target: 'usr/bin/busybox' },
  { name: 'mount', target: 'usr/bin/mount' },
  { name: 'umount', target: 'usr/bin/umount' },
  { name: 'losetup', target: 'usr/sbin/losetup' },
  { name: 'unshare', target: 'usr/bin/unshare' },
  { name: 'nsenter', target: 'usr/bin/nsenter' },
  { name: 'setpriv', target: 'usr/bin/setpriv' },
  { name: 'flock', target: 'usr/bin/flock' },
  { name: 'getent', target: 'usr/bin/getent' },
  { name: 'id', target: 'usr/bin/id' },
  { name: 'cp', target: 'usr/bin/cp' },
  { name: 'mkfs.ext4', target: 'usr/sbin/mkfs.ext4' },
];

const SEARCH_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

const TEXTS: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'etc/os-release': 'NAME="Drydock host"\nID=drydock-host\n',
};

/** Debian's layout since its 12th release: everything lies below `/usr`. */
const LINKS: Readonly<Record<string, string>> = {
  bin: 'usr/bin',
  sbin: 'usr/sbin',
  lib: 'usr/lib',
  lib64: 'usr/lib64',
};

const DIRECTORIES = ['etc/docker/plugins', 'proc', 'sys', 'dev', 'run', 'root', 'tmp', 'mnt', 'var', 'srv', 'home'];

/** @throws MissingProgramError that names the program and the package's remedy */
export async function machinePrograms(): Promise<readonly ImageFile[]> {
  const files = new Map<string, ImageFile>();
  const add = (file: ImageFile): void => void files.set(file.target, file);
  const addProgram = async (source: string, target: string): Promise<void> => {
    add({ kind: 'copy', target, source, mode: 0o755 });
    for (const library of await librariesOf(source)) {
      add({ kind: 'copy', target: inUsr(library), source: library, mode: 0o755 });
    }
  };
  await addProgram(process.execPath, 'usr/local/bin/node');
  for (const { name, target, isOptional } of PROGRAMS) {
    const source = await findProgram(name);
    if (source !== undefined) await addProgram(source, target);
    else if (isOptional !== true) {
      throw new MissingProgramError(
        `Expected ${name} on this machine, for the image of a host: npm run setup installs it`,
      );
    }
  }
  for (const applet of await appletsOf('/usr/bin/busybox')) {
    const isThere = ['usr/bin', 'usr/sbin'].some((directory) => files.has(join(directory, applet)));
    if (!isThere) add({ kind: 'link', target: join('usr/bin', applet), to: 'busybox' });
  }
  for (const [target, to] of Object.entries(LINKS)) add({ kind: 'link', target, to });
  for (const [target, text] of Object.entries(TEXTS)) add({ kind: 'text', target, text });
  for (const target of DIRECTORIES) add({ kind: 'directory', target });
  return [...files.values()];
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of SEARCH_PATH) {
    const path = join(directory, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      continue; // not in this directory
    }
  }
  return undefined;
}

/** Asks the dynamic loader, as ldd(1) does; none for a static program. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await run(['ldd', program], { timeoutMs: 10_000 });
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap(([, path]) => (path === undefined ? [] : [path]));
}

/** `/lib/x/libc.so.6` and `/usr/lib/x/libc.so.6` are one file. */
function inUsr(path: string): string {
  return path.startsWith('/usr/') ? path.slice(1) : join('usr', path);
}

async function appletsOf(busybox: string): Promise<readonly string[]> {
  const { stdout } = await run([busybox, '--list'], { timeoutMs: 10_000 });
  return stdout.split('\n').filter((name) => name !== '' && name !== basename(busybox));
}
