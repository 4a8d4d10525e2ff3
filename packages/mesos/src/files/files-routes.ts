/** `/files/browse`, `/files/read`, `/files/download` and `/files/debug`. @see src/files/files.cpp */
import { HttpError, jsonReply, type HttpReply } from '../http/reply.ts';
import type { HttpRequest, HttpRoute } from '../http/service.ts';
import { downloadName, type DirectoryEntry, type VirtualFiles } from './virtual-files.ts';

export function filesRoutes(files: VirtualFiles): readonly HttpRoute[] {
  return [
    { method: 'GET', path: '/files/browse', handle: async (request) => await browse(files, request) },
    { method: 'GET', path: '/files/read', handle: async (request) => await read(files, request) },
    { method: 'GET', path: '/files/download', handle: async (request) => await download(files, request) },
    { method: 'GET', path: '/files/debug', handle: () => jsonReply(files.attached) },
  ];
}

async function browse(files: VirtualFiles, request: HttpRequest): Promise<HttpReply> {
  return jsonReply((await files.list(pathOf(request))).map(browseEntry));
}

async function read(files: VirtualFiles, request: HttpRequest): Promise<HttpReply> {
  const path = pathOf(request);
  const offset = integerOf(request, 'offset') ?? -1;
  const length = integerOf(request, 'length') ?? -1;
  if (offset < -1) throw new HttpError(400, `Negative offset provided: ${offset}.\n`);
  if (length < -1) throw new HttpError(400, `Negative length provided: ${length}.\n`);
  // The web UI asks for offset -1 first, to learn the size.
  if (offset === -1)
    return jsonReply({ offset: (await files.read(path, { offset: 0, length: 0 })).sizeBytes, data: '' });
  const { data } = await files.read(path, { offset, length: length === -1 ? undefined : length });
  return jsonReply({ offset, data: data.toString('utf8') });
}

async function download(files: VirtualFiles, request: HttpRequest): Promise<HttpReply> {
  const path = pathOf(request);
  await using stack = new AsyncDisposableStack();
  const file = stack.use(await files.open(path));
  const { size: sizeBytes } = await file.stat();
  stack.move();
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename=${downloadName(path)}`,
  };
  return { kind: 'file', file, sizeBytes, headers };
}

function browseEntry(entry: DirectoryEntry): Record<string, unknown> {
  const { path, nlink, uid, gid } = entry;
  const mtime = Math.floor(entry.mtimeMs / 1_000);
  return { path, nlink, size: entry.sizeBytes, mtime, mode: modeText(entry.mode), uid, gid };
}

const KINDS: Readonly<Record<number, string>> = {
  0o040000: 'd',
  0o120000: 'l',
  0o020000: 'c',
  0o060000: 'b',
  0o010000: 'p',
  0o140000: 's',
};

/** As `ls -l` shows it: `-rw-r--r--`. */
function modeText(mode: number): string {
  const letters = 'rwxrwxrwx'.split('').map((letter, index) => ((mode & (0o400 >> index)) === 0 ? '-' : letter));
  return (KINDS[mode & 0o170000] ?? '-') + letters.join('');
}

function pathOf(request: HttpRequest): string {
  const path = request.query.get('path');
  if (path === null || path === '') throw new HttpError(400, "Expecting 'path=value' in query.\n");
  return path;
}

function integerOf(request: HttpRequest, name: string): number | undefined {
  const text = request.query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) {
    throw new HttpError(400, `Failed to parse ${name}: Failed to convert '${text}' to number.\n`);
  }
  return Number(text);
}
