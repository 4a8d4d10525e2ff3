import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { runOrThrow } from '@drydock/base/subprocess';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toBlocks, type TarMember } from '../testing/image-archive.ts';
import { readDiffId, unpackLayer, type UnpackedLayer } from './layer-unpacker.ts';

const entry = (path: string, type: TarMember['type'] = 'File', content = '', linkTarget?: string): Buffer =>
  toBlocks({ path, type, content, ...(linkTarget === undefined ? {} : { linkTarget }) });

let base: string;
let root: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'layer-'));
  root = join(base, 'layer');
  await mkdir(root);
  await mkdir(join(base, 'outside'));
});
afterEach(async () => await rm(base, { recursive: true, force: true }));

const unpack = async (...entries: Buffer[]): Promise<UnpackedLayer> =>
  await unpackRaw(Buffer.concat([...entries, Buffer.alloc(1024)]));
const unpackRaw = async (data: Buffer, tarBytesMax = 2 ** 30): Promise<UnpackedLayer> =>
  await unpackLayer(Readable.from([data]), root, { signal: AbortSignal.timeout(10_000), tarBytesMax });

describe('unpackLayer', () => {
  it('keeps content, modes, links and hard links', async () => {
    await unpack(
      entry('d/f', 'File', 'hello'),
      entry('d/hard', 'Link', '', 'd/f'),
      entry('abs', 'SymbolicLink', '', '/bin/sh'),
    );
    expect(await readFile(join(root, 'd/f'), 'utf8')).toBe('hello');
    expect((await stat(join(root, 'd/f'))).nlink).toBe(2);
    expect((await stat(join(root, 'd/f'))).mode & 0o7777).toBe(0o755);
    expect(await readlink(join(root, 'abs'))).toBe('/bin/sh');
  });

  it('gives the digest of the uncompressed tar for a compressed one, too', async () => {
    const data = Buffer.concat([entry('f', 'File', 'x'), Buffer.alloc(1024)]);
    const plain = await unpackRaw(data);
    expect((await unpackRaw(gzipSync(data))).diffId).toBe(plain.diffId);
  });

  it.each([
    ['unpacked', async (data: Buffer, tarBytesMax: number) => await unpackRaw(data, tarBytesMax)],
    [
      'only read',
      async (data: Buffer, tarBytesMax: number) =>
        await readDiffId(Readable.from([data]), { signal: AbortSignal.timeout(10_000), tarBytesMax }),
    ],
  ])('that is %s may have so many bytes when uncompressed, and no more', async (_title, read) => {
    const data = Buffer.concat([entry('f', 'File', 'x'.repeat(1_000_000)), Buffer.alloc(1024)]);
    await read(gzipSync(data), data.length);
    await expect(read(gzipSync(data), data.length - 1)).rejects.toThrow(
      `The layer has more than ${data.length - 1} bytes when uncompressed`,
    );
  });

  it('collects whiteouts and leaves AUFS book-keeping out', async () => {
    const { whiteouts } = await unpack(
      entry('d/', 'Directory'),
      entry('d/.wh.gone'),
      entry('d/.wh..wh..opq'),
      entry('.wh..wh.plnk'),
    );
    expect(whiteouts).toEqual({ removed: ['d/gone'], opaque: ['d'] });
    expect(await readdir(join(root, 'd'))).toEqual([]);
  });

  it.each(['../evil', 'a/../../evil', '/../evil'])('refuses the name %s', async (name) => {
    await expect(unpack(entry(name, 'File', 'x'))).rejects.toThrow('leaves the layer');
    expect(await readdir(base)).toEqual(['layer', 'outside']);
  });

  it('resolves an absolute name and links on the way inside the layer', async () => {
    await unpack(
      entry('/absolute', 'File', 'x'),
      entry('up', 'SymbolicLink', '', '../../outside'),
      entry('up/evil', 'File', 'x'),
      entry('etc', 'SymbolicLink', '', join(base, 'outside')),
      entry('etc/evil', 'File', 'x'),
    );
    expect(await readdir(join(base, 'outside'))).toEqual([]);
    expect(await readFile(join(root, 'outside/evil'), 'utf8')).toBe('x');
  });

  it('replaces a link instead of writing through it', async () => {
    await unpack(entry('l', 'SymbolicLink', '', join(base, 'outside/evil')), entry('l', 'File', 'x'));
    expect(await readdir(join(base, 'outside'))).toEqual([]);
  });

  it('refuses a hard link to a file outside', async () => {
    await expect(unpack(entry('l', 'Link', '', '/etc/passwd'))).rejects.toThrow('not a file in it');
  });

  it('takes a file in place of a directory that it had before', async () => {
    const { whiteouts } = await unpack(entry('d/e/', 'Directory'), entry('d/.wh.gone'), entry('d', 'File', 'x'));
    expect(await readFile(join(root, 'd'), 'utf8')).toBe('x');
    expect(whiteouts).toEqual({ removed: ['d/gone'], opaque: [] });
  });

  it('leaves out device nodes and fifos and names them', async () => {
    const { skipped } = await unpack(entry('dev/null', 'CharacterDevice'), entry('pipe', 'FIFO'), entry('f'));
    expect(skipped).toEqual(['dev/null', 'pipe']);
    expect((await readdir(root)).sort()).toEqual(['dev', 'f']);
  });

  it('refuses a truncated archive', async () => {
    await expect(unpackRaw(entry('f', 'File', 'x'.repeat(5000)).subarray(0, 2048))).rejects.toThrow(
      'The archive is damaged',
    );
  });

  it('fails at once when a compressed layer breaks off in the middle of a file', async () => {
    const noise = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251)).toString('latin1');
    const data = gzipSync(
      Buffer.concat([entry('f', 'File', noise.replace(/[^\x20-\x7e]/g, 'x')), Buffer.alloc(1024)]),
      {
        level: 0,
      },
    );
    await expect(unpackRaw(data.subarray(0, 200_000))).rejects.toThrow('unexpected end of file');
  });

  it('leaves files to an ordinary user whose mapping lacks their owner', { tags: ['root'] }, async () => {
    const source = join(root, 'source');
    await mkdir(source);
    await writeFile(join(source, 'mine'), '');
    await writeFile(join(source, 'theirs'), '');
    await chown(join(source, 'theirs'), 1000, 1000);
    await chmod(join(source, 'theirs'), 0o751);
    await runOrThrow(['tar', '-C', source, '--numeric-owner', '-cf', join(root, 'layer.tar'), '.'], {
      timeoutMs: 10_000,
    });
    const target = join(root, 'target');
    await mkdir(target);
    const script = `
      import { createReadStream } from 'node:fs';
      import { unpackLayer } from ${JSON.stringify(new URL('layer-unpacker.ts', import.meta.url).href)};
      const [, tar, directory] = process.argv;
      await unpackLayer(createReadStream(tar), directory, { signal: AbortSignal.timeout(10_000) });
    `;
    const node = [process.execPath, '--input-type=module', '-e', script, join(root, 'layer.tar'), target] as const;
    await runOrThrow(['unshare', '--user', '--map-root-user', ...node], { timeoutMs: 20_000 });
    expect(await lstat(join(target, 'theirs'))).toMatchObject({ uid: 0, gid: 0, mode: 0o100751 });
  });
});
