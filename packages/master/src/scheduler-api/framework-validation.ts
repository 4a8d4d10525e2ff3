import type { FrameworkInfo } from '@drydock/mesos';

/** NAME_MAX: an agent names a directory after the id. */
const ID_BYTES_MAX = 255;

/**
 * Why a framework cannot be subscribed, or undefined. An empty id counts as none, as upstream.
 * @see src/master/validation.cpp framework::validate, src/common/validation.cpp validateID
 */
export function validateFramework(info: FrameworkInfo): string | undefined {
  const id = info.id?.value ?? '';
  if (Buffer.byteLength(id) > ID_BYTES_MAX) return `ID must not be greater than ${ID_BYTES_MAX} characters`;
  if (id === '.' || id === '..') return `'${id}' is disallowed`;
  return /[\p{Cc}/\\]/u.test(id) ? `'${id}' contains invalid characters` : undefined;
}
