import type { ContainerID } from '../v1.ts';
import { validateId } from './validate-id.ts';

/**
 * Why a container's id, or that of one of its parents, cannot be used, or undefined.
 * @see src/slave/validation.cpp validateContainerId
 */
export function validateContainerId({ value, parent }: ContainerID): string | undefined {
  const reason = validateId(value);
  if (reason !== undefined) return reason;
  // A period stands between parent and child where ids are written as text.
  if (/[. ]/.test(value)) return `'ContainerID.value' '${value}' contains invalid characters`;
  const ofParent = parent === undefined ? undefined : validateContainerId(parent);
  return ofParent === undefined ? undefined : `'ContainerID.parent' is invalid: ${ofParent}`;
}
