import { formatResources } from '../resources/resources.ts';
import type { Range, Resource } from '../v1.ts';

/**
 * Why resources that a framework wrote cannot be reckoned with, or undefined.
 * @see src/v1/resources.cpp Resources::validate
 */
export function validateResources(resources: readonly Resource[]): string | undefined {
  for (const resource of resources) {
    const reason = validateResource(resource);
    if (reason !== undefined) return `Resource '${textOf(resource)}' is invalid: ${reason}`;
  }
  return undefined;
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
