import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isTemporaryFile, writeFileAtomic } from './atomic-file.ts';
import { systemFiles, type FileSystemPort } from './ports.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atomic-file-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('writeFileAtomic', () => {
  it('replaces the content and leaves no temporary file', async () => {
    const path = join(directory, 'state');
    await writeFileAtomic(path, 'old');
    await writeFileAtomic(path, 'new');
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await readdir(directory)).toEqual(['state']);
  });

  it('makes the file durable before its name, and the name before it returns', async () => {
    const effects: string[] = [];
    const files: FileSystemPort = {
      ...systemFiles,
      createSynced: async (path, data) => {
        effects.push('createSynced');
        await systemFiles.createSynced(path, data);
      },
      rename: async (from, to) => {
        effects.push('rename');
        await systemFiles.rename(from, to);
      },
      syncDirectory: async (path) => {
        effects.push(`syncDirectory ${path === directory}`);
        await systemFiles.syncDirectory(path);
      },
    };
    await writeFileAtomic(join(directory, 'state'), 'x', { files });
    expect(effects).toEqual(['createSynced', 'rename', 'syncDirectory true']);
  });

  it('keeps the old content and removes the temporary file when the rename fails', async () => {
    const path = join(directory, 'state');
    await writeFileAtomic(path, 'old');
    const files: FileSystemPort = {
      ...systemFiles,
      rename: async () => await Promise.reject(new Error('disk on fire')),
    };
    await expect(writeFileAtomic(path, 'new', { files })).rejects.toThrow('disk on fire');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(directory)).toEqual(['state']);
  });
});

describe('isTemporaryFile', () => {
  it.each([
    ['.volumes.0123456789ab.tmp', true],
    ['volumes', false],
    ['.volumes.0123456789ab.tmp2', false],
    ['.volumes.xyz.tmp', false],
  ])('%s: %s', (name, expected) => {
    expect(isTemporaryFile(name)).toBe(expected);
  });
});
