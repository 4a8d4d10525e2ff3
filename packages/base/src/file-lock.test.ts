import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileLockedError, FileLockFailedError, lockFile } from './file-lock.ts';
import { waitUntil } from './wait-until.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-lock-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function isFree(path: string): Promise<boolean> {
  try {
    await using _lock = await lockFile(path);
    return true;
  } catch (error) {
    if (error instanceof FileLockedError) return false;
    throw error;
  }
}

it('is held until it is disposed of', async () => {
  const path = join(directory, 'lock');
  {
    await using _lock = await lockFile(path);
    await expect(lockFile(path)).rejects.toThrow(
      `Failed to lock the file at ${path}: resource temporarily unavailable`,
    );
  }
  expect(await isFree(path)).toBe(true);
});

it('says why a lock cannot be asked for', async () => {
  await expect(lockFile(join(directory, 'missing', 'lock'))).rejects.toThrow(FileLockFailedError);
});

it('is free again when its owner is killed', async () => {
  const path = join(directory, 'lock');
  const module = fileURLToPath(new URL('file-lock.ts', import.meta.url));
  const program = `const { lockFile } = await import(${JSON.stringify(module)}); await lockFile(${JSON.stringify(path)});
    console.log('held'); setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  expect(await isFree(path)).toBe(false);
  owner.kill('SIGKILL');
  await waitUntil(async () => await isFree(path), { what: 'the lock to be free' });
});
