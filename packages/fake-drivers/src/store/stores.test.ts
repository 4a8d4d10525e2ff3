import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOrThrow } from '@drydock/base/subprocess';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const CASES = join(import.meta.dirname, '..', 'testing', 'store-cases.ts');

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stores-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Runs the cases in a mount namespace of their own, which ends with them; gives what they saw. */
async function seen(kind: string): Promise<Record<string, unknown>> {
  const child = spawn('unshare', ['-m', '--propagation', 'private', process.execPath, CASES, kind, directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Record<string, unknown>; // the program's own output
}

async function loopDevices(): Promise<readonly string[]> {
  const all = await runOrThrow(['losetup', '--list', '--noheadings', '--output', 'BACK-FILE']);
  return all.split('\n').filter((line) => line.startsWith(directory));
}

describe('a store', () => {
  it.each([
    ['bind', []],
    ['ext4-on-loop', ['lost+found']],
    ['tmpfs', []],
  ])('%s keeps data over mounts, and leaves none behind', { tags: ['root'] }, async (kind, seedFiles) => {
    expect(await seen(kind)).toEqual({
      fresh: seedFiles,
      mountedTwice: 1,
      unmounted: false,
      again: [...seedFiles, 'myfile'].sort(),
      afterDestroy: seedFiles,
      mountsAfterUnmountAll: [],
      fenced: kind === 'tmpfs' ? 'not shared' : ['myfile'],
    });
    expect(await loopDevices()).toEqual([]);
  });
});
