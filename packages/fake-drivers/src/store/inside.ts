import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { DomainError, systemCodeOf } from '@drydock/base/errors';

/** A volume would be outside of the driver's directory. */
export class OutsideError extends DomainError<'OUTSIDE'> {
  readonly code = 'OUTSIDE';

  constructor(path: string, directory: string) {
    super(`${path} is not below ${directory}, which this driver does not leave`);
  }
}

/** `path` resolved below `directory`. @throws OutsideError when it is `directory` itself or leaves it */
export function resolveInside(directory: string, path: string): string {
  const resolved = resolve(directory, path);
  if (!resolved.startsWith(`${directory}/`)) throw new OutsideError(resolved, directory);
  return resolved;
}

/** Whether what is there of `path` is still below `directory` when links are followed. @throws OutsideError */
export async function refuseLinksOutside(directory: string, path: string): Promise<void> {
  for (let existing = path; existing.length > directory.length; existing = dirname(existing)) {
    try {
      const real = await realpath(existing);
      if (!real.startsWith(`${directory}/`)) throw new OutsideError(path, directory);
      return;
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error;
    }
  }
}
