/**
 * A lock that dies with its owner: an advisory flock(2) held by a helper process whose input is a pipe from this one.
 * However this process ends, the kernel closes the pipe, the helper ends, and the lock is free: no stale lock files.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { DomainError } from './errors.ts';

/** Somebody else holds the lock. */
export class FileLockedError extends DomainError<'FILE_LOCKED'> {
  readonly code = 'FILE_LOCKED';
  readonly path: string;

  constructor(path: string) {
    super(`Failed to lock the file at ${path}: resource temporarily unavailable`);
    this.path = path;
  }
}

/** The lock could not be asked for (no util-linux `flock`, no such directory). */
export class FileLockFailedError extends DomainError<'FILE_LOCK_FAILED'> {
  readonly code = 'FILE_LOCK_FAILED';
}

const CONFLICT_STATUS = 75;

/**
 * Takes the lock without waiting for it; the file is made if missing and stays.
 * @throws FileLockedError, FileLockFailedError
 */
export async function lockFile(path: string): Promise<AsyncDisposable> {
  const argv = [
    '--no-fork',
    '--nonblock',
    '--conflict-exit-code',
    `${CONFLICT_STATUS}`,
    path,
    'sh',
    '-c',
    'echo locked; exec cat',
  ];
  const child = spawn('flock', argv, { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const ended = Promise.withResolvers<number>();
  let problem = '';
  child.on('error', (error) => {
    problem = error.message;
    ended.resolve(-1);
  });
  child.on('close', (code) => ended.resolve(code ?? -1));
  // The helper may be gone when the owner closes the pipe; its exit tells.
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk: Buffer) => {
    problem += chunk.toString();
  });
  const outcome = await Promise.race([once(child.stdout, 'data').then(() => 'locked' as const), ended.promise]);
  if (outcome === CONFLICT_STATUS) throw new FileLockedError(path);
  if (outcome !== 'locked') throw new FileLockFailedError(`Failed to lock the file at ${path}: ${problem.trim()}`);
  child.unref();
  return {
    async [Symbol.asyncDispose]() {
      child.ref();
      child.stdin.end();
      await ended.promise;
    },
  };
}
