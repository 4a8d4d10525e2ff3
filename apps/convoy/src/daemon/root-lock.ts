import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DomainError, systemCodeOf } from '@drydock/base/errors';

/** Another daemon uses the root; the message is convoy's. */
export class RootLockedError extends DomainError<'ROOT_LOCKED'> {
  readonly code = 'ROOT_LOCKED';

  constructor(root: string) {
    super(`Failed to lock the file at ${join(root, 'lock')}: resource temporarily unavailable`);
  }
}

/**
 * Makes sure that one daemon uses `root`, which must exist. The kernel releases the lock when the daemon ends, however.
 * @throws RootLockedError
 */
// DEVIATION: convoy flocks ROOT/lock. Node has no flock, so the lock is an abstract socket named after the directory.
export async function lockRoot(root: string): Promise<AsyncDisposable> {
  const { dev, ino } = await stat(root);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const holder = createServer((socket) => socket.destroy());
  holder.once('error', (error) => reject(systemCodeOf(error) === 'EADDRINUSE' ? new RootLockedError(root) : error));
  holder.listen({ path: `\0drydock-convoy-${dev}-${ino}` }, resolve);
  await promise;
  return {
    async [Symbol.asyncDispose]() {
      const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
      holder.close(() => onClosed());
      await closed;
    },
  };
}
