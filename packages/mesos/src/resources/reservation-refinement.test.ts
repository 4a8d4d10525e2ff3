import { describe, expect, it } from 'vitest';
import type { Resource } from '../v1.ts';
import { fromRefinedFormat, toRefinedFormat } from './reservation-refinement.ts';

const cpus: Resource = { name: 'cpus', type: 'SCALAR', scalar: { value: 1 } };

describe('the refined format', () => {
  it.each<[Resource, Resource]>([
    [{ ...cpus, role: '*' }, cpus],
    [
      { ...cpus, role: 'web' },
      { ...cpus, reservations: [{ type: 'STATIC', role: 'web' }] },
    ],
  ])('of %j is %j, and back', (plain, refined) => {
    expect(toRefinedFormat(plain)).toEqual(refined);
    const { role = '*' } = fromRefinedFormat(refined);
    expect(role).toBe(plain.role);
    expect(fromRefinedFormat(refined)).not.toHaveProperty('reservations');
  });

  it.each<Resource>([
    { ...cpus, reservations: [{ type: 'DYNAMIC', role: 'web' }] },
    {
      ...cpus,
      reservations: [
        { type: 'STATIC', role: 'a' },
        { type: 'STATIC', role: 'a/b' },
      ],
    },
    { ...cpus, role: 'web', reservations: [{ type: 'STATIC', role: 'web' }] },
  ])('of what no agent here can have is left as it is: %j', (resource) => {
    expect(fromRefinedFormat(resource)).toEqual(resource);
  });
});
