import { formatResources, scalarOf } from '../resources/resources.ts';
import type { Range, Resource } from '../v1.ts';
import { validateId } from './validate-id.ts';

/**
 * Why resources that a framework wrote cannot be reckoned with, or undefined.
 * @see src/v1/resources.cpp Resources::validate
 */
export function validateResourceValues(resources: readonly Resource[]): string | undefined {
  for (const resource of resources) {
    const reason = validateResource(resource);
    if (reason !== undefined) return `Resource '${textOf(resource)}' is invalid: ${reason}`;
  }
  return undefined;
}

/**
 * Why a task or an executor cannot use resources, or undefined.
 * @see src/master/validation.cpp resource::validate
 */
export function validateResources(resources: readonly Resource[]): string | undefined {
  const reason = validateResourceValues(resources);
  if (reason !== undefined) return `Invalid resources: ${reason}`;
  if (!Number.isInteger(scalarOf(resources, 'gpus'))) {
    return "Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer";
  }
  const disk = resources.map(validateDisk).find((one) => one !== undefined);
  return disk === undefined ? undefined : `Invalid DiskInfo: ${disk}`;
}

/** Why the resources of a task do not go together, or undefined. @see src/master/validation.cpp validateResources */
export function validateResourceMix(resources: readonly Resource[]): string | undefined {
  const twice = findDuplicatePersistence(resources);
  if (twice !== undefined) return `Task uses duplicate persistence ID: Persistence ID '${twice}' is not unique`;
  const roles = resources.map(({ allocation_info }) => allocation_info?.role).filter((role) => role !== undefined);
  const other = roles.find((role) => role !== roles[0]);
  if (other !== undefined) {
    const both = `('${other}' and '${roles[0]}')`;
    return `Invalid task resources: The resources have multiple allocation roles ${both} but only one allocation role is allowed`;
  }
  const stable = new Set(resources.filter(({ revocable }) => revocable === undefined).map(({ name }) => name));
  const mixed = resources.find(({ name, revocable }) => revocable !== undefined && stable.has(name));
  if (mixed === undefined) return undefined;
  return `Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable '${mixed.name}' at the same time`;
}

/** The first id that a role has twice. */
function findDuplicatePersistence(resources: readonly Resource[]): string | undefined {
  const seen = new Set<string>();
  for (const { disk, role } of resources) {
    if (disk?.persistence === undefined) continue;
    const key = JSON.stringify([role, disk.persistence.id]);
    if (seen.has(key)) return disk.persistence.id;
    seen.add(key);
  }
  return undefined;
}

function validateDisk({ disk, role, reservations, reservation, revocable }: Resource): string | undefined {
  if (disk === undefined) return undefined;
  if (disk.persistence === undefined) {
    if (disk.volume !== undefined) return 'Non-persistent volume not supported';
    return disk.source === undefined ? 'DiskInfo is set but empty' : undefined;
  }
  const isReserved = (role ?? '*') !== '*' || reservation !== undefined || (reservations ?? []).length > 0;
  if (revocable !== undefined) return 'Persistent volumes cannot be created from revocable resources';
  if (!isReserved) return 'Persistent volumes cannot be created from unreserved resources';
  if (disk.volume === undefined) return "Expecting 'volume' to be set for persistent volume";
  if (disk.volume.host_path !== undefined) return "Expecting 'host_path' to be unset for persistent volume";
  const reason = validateId(disk.persistence.id);
  return reason === undefined ? undefined : `Invalid persistence ID for persistent volume: ${reason}`;
}

function validateResource(resource: Resource): string | undefined {
  if (resource.name === '') return 'Empty resource name';
  const { scalar, ranges, set } = resource;
  switch (resource.type) {
    case 'SCALAR':
      if (scalar === undefined || ranges !== undefined || set !== undefined) return 'Invalid scalar resource';
      if (scalar.value < 0) return 'Invalid scalar resource: value < 0';
      // DEVIATION: upstream reckons with these; one infinite or undefined amount would make every sum worthless.
      return Number.isFinite(scalar.value) ? undefined : 'Invalid scalar resource: value is not a finite number';
    case 'RANGES':
      if (scalar !== undefined || ranges === undefined || set !== undefined) return 'Invalid ranges resource';
      return validateRanges(ranges.range ?? []);
    case 'SET': {
      if (scalar !== undefined || ranges !== undefined || set === undefined) return 'Invalid set resource';
      const items = set.item ?? [];
      return new Set(items).size === items.length ? undefined : 'Invalid set resource: duplicated elements';
    }
    default:
      return 'Unsupported resource type';
  }
}

function validateRanges(ranges: readonly Range[]): string | undefined {
  if (ranges.some(({ begin, end }) => begin > end)) return 'Invalid ranges resource: begin > end';
  const sorted = ranges.toSorted((a, b) => a.begin - b.begin);
  const isOverlapping = sorted.some(({ begin }, index) => begin <= (sorted[index - 1]?.end ?? -1));
  return isOverlapping ? 'Invalid ranges resource: overlapping ranges' : undefined;
}

/** A negative, undefined or empty amount has no place in a sum, so it is shown as it was written. */
function textOf(resource: Resource): string {
  if (resource.type === 'SCALAR') return `${resource.name}:${resource.scalar?.value ?? ''}`;
  return formatResources([resource]) || resource.name;
}
