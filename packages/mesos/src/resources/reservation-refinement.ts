/**
 * The two forms in which a resource says for whom it is reserved: `role`, and `reservations` for frameworks with
 * RESERVATION_REFINEMENT, whose own resource arithmetic does not take `role`. Here they are reckoned with as `role`.
 * @see src/common/resources_utils.cpp convertResourceFormat
 */
import type { Resource } from '../v1.ts';

/** As a framework with RESERVATION_REFINEMENT has it; what is reserved for nobody names no role at all. */
export function toRefinedFormat({ role = '*', ...resource }: Resource): Resource {
  return role === '*' ? resource : { ...resource, reservations: [{ type: 'STATIC', role }] };
}

/** The same with `role`. Reservations that an agent's flags cannot make stay as they are, to be refused by name. */
export function fromRefinedFormat(resource: Resource): Resource {
  const { reservations = [], ...rest } = resource;
  const [only, ...more] = reservations;
  if (only === undefined) return rest;
  const { type, role } = only;
  const isStatic = more.length === 0 && type === 'STATIC' && rest.role === undefined;
  return isStatic && role !== undefined ? { ...rest, role } : resource;
}
