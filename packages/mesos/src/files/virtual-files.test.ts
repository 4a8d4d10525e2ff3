import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@drydock/base/subprocess';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHttpService, type StartedHttpService } from '../http/service.ts';
import { filesRoutes } from './files-routes.ts';
import { VirtualFiles } from './virtual-files.ts';

let directory = '';
let sandbox = '';
let service: StartedHttpService;
const files = new VirtualFiles();

/** What a task may leave in its sandbox to get at the rest of the machine. */
const HOSTILE_LINKS: Readonly<Record<string, string>> = {
  root: '/',
  up: '..',
  upTwice: 'sub/../../secret',
  neighbour: '../sandbox-neighbour',
  chain: 'up',
  chainIn: 'sub/../up/secret',
  self: 'self',
  proc: '/proc/self/root',
  descriptor: '/proc/self/fd',
  dangling: 'nowhere',
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'virtual-files-'));
  sandbox = join(directory, 'sandbox');
  await mkdir(join(sandbox, 'sub'), { recursive: true });
  await writeFile(join(sandbox, 'stdout'), 'lost+found\nmyfile\n', { mode: 0o640 });
  await writeFile(join(sandbox, 'sub', 'a b&ü'), 'inner');
  await writeFile(join(directory, 'secret'), 'SECRET');
  await mkdir(join(directory, 'sandbox-neighbour'));
  await writeFile(join(directory, 'sandbox-neighbour', 'secret'), 'SECRET');
  files.attach('/sandbox', sandbox);
  service = await startHttpService({ port: 0, prefix: 'slave(1)', routes: filesRoutes(files) });
});
afterEach(async () => {
  await service.stop({ graceMs: 0 });
  files.detach('/sandbox');
  await rm(directory, { recursive: true });
});

const get = async (operation: string, query: Record<string, string>): Promise<Response> =>
  await fetch(`http://127.0.0.1:${service.port}/files/${operation}?${new URLSearchParams(query).toString()}`, {
    headers: { Connection: 'close' },
  });
const read = async (query: Record<string, string>): Promise<unknown> => await (await get('read', query)).json();

describe('/files/browse', () => {
  it('lists a directory sorted, with what ls -l shows', async () => {
    await symlink('stdout', join(sandbox, 'link'));
    // The answer of this service.
    const entries = (await (await get('browse', { path: '/sandbox/' })).json()) as { path: string; mode: string }[];
    expect(entries.map(({ path, mode }) => [path, mode])).toEqual([
      ['/sandbox/link', 'lrwxrwxrwx'],
      ['/sandbox/stdout', '-rw-r-----'],
      ['/sandbox/sub', expect.stringMatching(/^drwx/)],
    ]);
    expect(entries[1]).toEqual({
      path: '/sandbox/stdout',
      nlink: 1,
      size: 18,
      mtime: expect.any(Number),
      mode: '-rw-r-----',
      uid: expect.any(String),
      gid: expect.any(String),
    });
  });

  it('shows a link as what it is, not what it leads to', async () => {
    await symlink('../secret', join(sandbox, 'sub', 'link'));
    const [, entry] = (await (await get('browse', { path: '/sandbox/sub' })).json()) as unknown[];
    expect(entry).toMatchObject({ path: '/sandbox/sub/link', mode: 'lrwxrwxrwx', size: '../secret'.length });
  });

  it('has nothing below a file', async () => {
    expect(await (await get('browse', { path: '/sandbox/stdout' })).json()).toEqual([]);
  });

  it.each([
    ['', 400, "Expecting 'path=value' in query.\n"],
    ['/sandbox/none', 404, ''],
  ])('refuses the path %j with %i', async (path, status, text) => {
    const response = await get('browse', { path });
    expect([response.status, await response.text()]).toEqual([status, text]);
  });
});

describe('/files/debug', () => {
  it('shows what is attached', async () => {
    expect(await (await get('debug', {})).json()).toEqual({ '/sandbox': sandbox });
  });
});

describe('/files/read', () => {
  it.each([
    [{}, { offset: 18, data: '' }],
    [{ offset: '-1' }, { offset: 18, data: '' }],
    [{ offset: '0' }, { offset: 0, data: 'lost+found\nmyfile\n' }],
    [{ offset: '11' }, { offset: 11, data: 'myfile\n' }],
    [
      { offset: '11', length: '2' },
      { offset: 11, data: 'my' },
    ],
    [
      { offset: '11', length: '-1' },
      { offset: 11, data: 'myfile\n' },
    ],
    [
      { offset: '0', length: '0' },
      { offset: 0, data: '' },
    ],
    [
      { offset: '17', length: '9' },
      { offset: 17, data: '\n' },
    ],
    [{ offset: '18' }, { offset: 18, data: '' }],
    [{ offset: '99' }, { offset: 99, data: '' }],
  ])('answers %j', async (query, expected) => {
    expect(await read({ path: '/sandbox/stdout', ...query })).toEqual(expected);
  });

  it('gives at most 16 pages at once', async () => {
    await writeFile(join(sandbox, 'long'), 'x'.repeat(65_537));
    const answer = await read({ path: '/sandbox/long', offset: '0', length: '65537' });
    expect(answer).toEqual({ offset: 0, data: 'x'.repeat(65_536) });
  });

  it.each([
    [{}, 400, "Expecting 'path=value' in query.\n"],
    [{ path: '' }, 400, "Expecting 'path=value' in query.\n"],
    [{ path: '/sandbox' }, 400, 'Cannot read a directory.\n'],
    [{ path: '/sandbox/fifo' }, 400, 'Cannot read what is not a regular file.\n'],
    [{ path: '/sandbox/stdout', offset: '-2' }, 400, 'Negative offset provided: -2.\n'],
    [{ path: '/sandbox/stdout', length: '-2' }, 400, 'Negative length provided: -2.\n'],
    [{ path: '/sandbox/stdout', offset: 'x' }, 400, "Failed to parse offset: Failed to convert 'x' to number.\n"],
    [{ path: '/sandbox/none' }, 404, ''],
    [{ path: '/sandbox/stdout/below' }, 404, ''],
    [{ path: `/sandbox/${'x'.repeat(300)}` }, 404, ''],
    [{ path: '/sandbox/stdout\0' }, 404, ''],
    [{ path: '/other' }, 404, ''],
    [{ path: 'sandbox/stdout' }, 404, ''],
  ])('refuses %j with %i', async (query, status, text) => {
    await run(['mkfifo', join(sandbox, 'fifo')]);
    const response = await get('read', query);
    expect([response.status, await response.text()]).toEqual([status, text]);
  });
});

describe('/files/download', () => {
  it('gives the bytes under a harmless name', async () => {
    const response = await get('download', { path: '/sandbox/sub/a b&ü' });
    expect(response.headers.get('Content-Disposition')).toBe('attachment; filename=a_b__');
    expect(response.headers.get('Content-Type')).toBe('application/octet-stream');
    expect(await response.text()).toBe('inner');
  });

  it('gives a file of any length, byte for byte', async () => {
    const bytes = Buffer.alloc(5 * 1024 * 1024 + 1, 'drydock');
    await writeFile(join(sandbox, 'long'), bytes);
    const response = await get('download', { path: '/sandbox/long' });
    expect(response.headers.get('Content-Length')).toBe(String(bytes.byteLength));
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    await writeFile(join(sandbox, 'long'), '');
    expect(await (await get('download', { path: '/sandbox/long' })).text()).toBe('');
  });

  it.each([
    ['', 400, "Expecting 'path=value' in query.\n"],
    ['/sandbox', 400, 'Cannot download a directory.\n'],
    ['/sandbox/fifo', 400, 'Cannot download what is not a regular file.\n'],
    ['/sandbox/none', 404, ''],
  ])('refuses the path %j with %i', async (path, status, text) => {
    await run(['mkfifo', join(sandbox, 'fifo')]);
    const response = await get('download', { path });
    expect([response.status, await response.text()]).toEqual([status, text]);
  });
});

describe('VirtualFiles', () => {
  it.each([
    '/sandbox/../secret',
    '/sandbox/sub/../../secret',
    '/sandbox/../sandbox-neighbour/secret',
    '/sandbox-neighbour/secret',
    '../secret',
    '/..//secret',
  ])('leads nowhere outside: %s', async (path) => {
    for (const operation of ['browse', 'read', 'download']) {
      expect((await get(operation, { path })).status).toBe(404);
    }
  });

  it('does not decode a path twice', async () => {
    expect((await get('download', { path: '/sandbox/%2e%2e/secret' })).status).toBe(404);
    expect((await get('download', { path: '/sandbox/sub%2f..%2fstdout' })).status).toBe(404);
  });

  it.each([
    ['a relative link', '../secret', 404],
    ['a link to a neighbour whose path begins alike', '../sandbox-neighbour/secret', 404],
    ['an absolute link', '/etc/hostname', 404],
    ['a link to itself', 'link', 404],
    ['a link inside', 'sub/../stdout', 200],
  ])('follows %s only inside', async (_, target, status) => {
    await symlink(target, join(sandbox, 'link'));
    expect((await get('download', { path: '/sandbox/link' })).status).toBe(status);
  });

  it('shows nothing from outside, however a path is written', async () => {
    for (const [name, target] of Object.entries(HOSTILE_LINKS)) await symlink(target, join(sandbox, name));
    const segment = fc.oneof(
      fc.constantFrom('..', '.', '', 'sub', 'stdout', 'secret', 'sandbox', 'sandbox-neighbour', 'etc', 'passwd'),
      fc.constantFrom(...Object.keys(HOSTILE_LINKS)),
      fc.constantFrom(
        '%2e%2e',
        '%2E.',
        '..%2f',
        '%2f',
        '%252e%252e%252f',
        '..%00',
        '\0',
        '..\\',
        '\u2024.',
        '...',
        '.. ',
      ),
      fc.string({ maxLength: 3 }),
    );
    const start = fc.constantFrom(
      '/sandbox',
      '/sandbox/',
      '//sandbox',
      '/sandbox/sub',
      '',
      '/',
      '..',
      directory,
      sandbox,
    );
    // As it is, encoded, and encoded twice.
    const spelling = fc.constantFrom(encodeURI, encodeURIComponent, (text: string) =>
      encodeURIComponent(encodeURI(text)),
    );
    const path = fc
      .tuple(start, fc.array(segment, { maxLength: 6 }))
      .map(([first, rest]) => [first, ...rest].join('/'));
    const operation = fc.constantFrom('browse', 'read?offset=0', 'download');
    const outside = /SECRET|sandbox-neighbour"|root:x:/;
    await fc.assert(
      fc.asyncProperty(operation, path, spelling, async (asked, text, spell) => {
        const query = `path=${spell(text).replaceAll('#', '%23').replaceAll('&', '%26')}`;
        const url = `http://127.0.0.1:${service.port}/files/${asked}${asked.includes('?') ? '&' : '?'}${query}`;
        const response = await fetch(url, { headers: { Connection: 'close' } });
        expect([200, 400, 404]).toContain(response.status);
        expect(await response.text()).not.toMatch(outside);
      }),
      { numRuns: 400 },
    );
  });

  it('does not enter a linked directory outside', async () => {
    await symlink(directory, join(sandbox, 'link'));
    expect((await get('browse', { path: '/sandbox/link' })).status).toBe(404);
    expect((await get('download', { path: '/sandbox/link/secret' })).status).toBe(404);
  });

  it('follows a root that is itself a link, as runs/latest', async () => {
    await symlink(sandbox, join(directory, 'latest'));
    files.attach('/runs/latest/', join(directory, 'latest'));
    expect(await (await get('download', { path: '/runs/latest/stdout' })).text()).toContain('myfile');
    files.detach('/runs/latest');
    expect((await get('download', { path: '/runs/latest/stdout' })).status).toBe(404);
  });

  it('shows a single file and prefers the longest attached path', async () => {
    files.attach('/sandbox/sub', join(directory, 'secret'));
    expect(await (await get('download', { path: '/sandbox/sub' })).text()).toBe('SECRET');
    files.detach('/sandbox/sub');
  });

  it.each([
    ['a link', 'ln -s ../secret t'],
    ['a FIFO', 'mkfifo t'],
    ['a directory', 'rm -rf target; mkdir t'],
  ])('does not read a file that was exchanged for %s in between', async (_, other) => {
    const exchange = [
      `cd ${sandbox}; echo plain >plain; i=0`,
      `while [ $i -lt 120 ]; do ${other}; mv -T t target; rm -rf target; ln plain t; mv -T t target; i=$((i+1)); done`,
    ].join('\n');
    const exchanging = run(['sh', '-c', exchange]).then(() => 'over' as const);
    const seen = new Set<string>();
    while ((await Promise.race([exchanging, Promise.resolve('under way')])) !== 'over') {
      const responses = await Promise.all(
        Array.from({ length: 8 }, async () => await get('download', { path: '/sandbox/target' })),
      );
      for (const response of responses) {
        expect([200, 400, 404]).toContain(response.status);
        if (response.ok) seen.add(await response.text());
      }
    }
    expect([...seen]).toEqual(['plain\n']);
  });
});
