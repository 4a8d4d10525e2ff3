/** The upper layer of a host's image: this checkout's products, as they are run here, and what they import. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow, type ImageFile } from './image-file.ts';

const ROOT = fileURLToPath(new URL('../../../../..', import.meta.url));
/** Where the checkout is in the image. */
export const PROJECT_DIRECTORY = '/opt/drydock';

/** Where the stand-in for the image of the document is; only on Linux. */
const IMAGES = join(ROOT, '.drydock', 'images');

const ROOMS = ['packages', 'apps'] as const;
const PARTS = ['src', 'bin', 'dist', 'proto', 'host'];
/** Rooms and modules that are for tests only. */
const LEFT_OUT = new Set(['integration', 'testcontainers']);

/** package-lock.json, as far as it is used here. */
interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}
interface LockedPackage {
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}
interface Manifest {
  readonly bin?: Readonly<Record<string, string>>;
}

export async function projectFiles(): Promise<readonly ImageFile[]> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  const rooms = Object.keys(lock.packages).filter(
    (path) => ROOMS.some((kind) => path.startsWith(`${kind}/`)) && !LEFT_OUT.has(path.split('/')[1] ?? ''),
  );
  const own = await Promise.all(rooms.map(roomFiles));
  const modules = await Promise.all([...neededModules(lock, rooms)].map(async (path) => await moduleFiles(lock, path)));
  return [
    ...own.flat(),
    ...modules.flat(),
    { kind: 'copy', target: join(inImage, 'package.json'), source: join(ROOT, 'package.json'), mode: 0o644 },
    ...(existsSync(IMAGES) ? await filesBelow(IMAGES, join(inImage, '.drydock', 'images')) : []),
    ...(await filesBelow(join(ROOT, 'fixtures'), join(inImage, 'fixtures'))),
  ];
}

const inImage = PROJECT_DIRECTORY.slice(1);

async function roomFiles(room: string): Promise<readonly ImageFile[]> {
  const manifestPath = join(ROOT, room, 'package.json');
  const manifest = JSON.parse(await readFile(manifestPath, 'utf8')) as Manifest;
  const parts = await filesBelow(
    join(ROOT, room),
    join(inImage, room),
    (name, isDirectory) => !(isDirectory ? ['node_modules', 'reports'].includes(name) : name.endsWith('.test.ts')),
  );
  const bins = Object.entries(manifest.bin ?? {}).map(([name, path]): ImageFile => {
    return { kind: 'link', target: join('usr/local/bin', name), to: join(PROJECT_DIRECTORY, room, path) };
  });
  const isPart = ({ target }: ImageFile): boolean => {
    const [top = ''] = target.slice(join(inImage, room).length + 1).split('/');
    return top === 'package.json' || PARTS.includes(top);
  };
  return [...parts.filter(isPart), ...bins];
}

/** Places of modules that the rooms import, as the lock has them, found the way Node finds them. */
function neededModules(lock: Lock, rooms: readonly string[]): ReadonlySet<string> {
  const needed = new Set<string>();
  const visit = (from: string): void => {
    for (const name of Object.keys(lock.packages[from]?.dependencies ?? {})) {
      if (LEFT_OUT.has(name)) continue;
      const path = placeOf(lock, from, name);
      if (path === undefined || needed.has(path)) continue;
      needed.add(path);
      if (lock.packages[path]?.link !== true) visit(path);
    }
  };
  for (const room of rooms) visit(room);
  return needed;
}

function placeOf(lock: Lock, from: string, name: string): string | undefined {
  for (let directory = from; ; directory = directory.slice(0, Math.max(0, directory.lastIndexOf('/')))) {
    const path = directory === '' ? `node_modules/${name}` : `${directory}/node_modules/${name}`;
    if (lock.packages[path] !== undefined) return path;
    if (directory === '') return undefined;
  }
}

async function moduleFiles(lock: Lock, path: string): Promise<readonly ImageFile[]> {
  const { link, resolved = '' } = lock.packages[path] ?? {};
  const target = join(inImage, path);
  if (link === true) return [{ kind: 'link', target, to: join(PROJECT_DIRECTORY, resolved) }];
  return await filesBelow(join(ROOT, path), target, (name, isDirectory) => !(isDirectory && name === 'node_modules'));
}
