import { scalarOf } from '../resources/resources.ts';
import type { TaskInfo } from '../v1.ts';

/** Why the limits of a task contradict its resources, or undefined. @see src/master/validation.cpp validateResourceLimits */
export function validateLimits({ limits = {}, resources = [] }: TaskInfo): string | undefined {
  if (Object.keys(limits).some((name) => name !== 'cpus' && name !== 'mem')) {
    return "Only cpus and mem may be included in a task's resource limits";
  }
  const has = (name: string): boolean => resources.some((resource) => resource.name === name);
  const isBelow = (name: string): boolean => (limits[name]?.value ?? Infinity) < scalarOf(resources, name);
  if (limits['cpus'] !== undefined) {
    if (!has('cpus')) return 'When a CPU limit is specified, a CPU request must also be specified';
    if (isBelow('cpus')) return 'The cpu limit must be greater than or equal to the cpu request';
  }
  if (limits['mem'] !== undefined) {
    if (!has('mem')) return 'When a memory limit is specified, a memory request must also be specified';
    if (isBelow('mem')) return 'The memory limit must be greater than or equal to the memory request';
  }
  return undefined;
}
