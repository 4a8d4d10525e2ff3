import type { ContainerID } from '@drydock/mesos';
import { describe, expect, it } from 'vitest';
import { forEachDeepestFirst } from './deepest-first.ts';

describe('forEachDeepestFirst', () => {
  it('takes children before their parents, and not all of them at once', async () => {
    const parents = Array.from({ length: 40 }, (_, index): ContainerID => ({ value: `p${index}` }));
    const ids = parents.flatMap((parent) => [parent, { value: 'child', parent }]);
    const order: ContainerID[] = [];
    let [count, countMax] = [0, 0];
    await forEachDeepestFirst(ids, async (id) => {
      count += 1;
      countMax = Math.max(countMax, count);
      order.push(id);
      await new Promise((resolve) => setImmediate(resolve));
      count -= 1;
    });
    expect(order.map(({ value }) => value)).toEqual([...parents.map(() => 'child'), ...parents.map((p) => p.value)]);
    expect(countMax).toBe(16);
  });
});
