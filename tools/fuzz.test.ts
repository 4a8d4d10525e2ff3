import { describe, expect, it } from 'vitest';
import { target as http } from './fuzz/http.ts';
import { target as plugin } from './fuzz/plugin.ts';

describe('hostile inputs', () => {
  it('break no rule of the volume plugin protocol: 2,000 of one seed', { timeout: 120_000 }, async () => {
    const report = await plugin.run({ count: 2_000, seed: 20_160_729 });
    expect(report.finding).toBeUndefined();
    expect(report.fedCount).toBe(2_000);
  });

  it('break no rule of the HTTP surface of master and agent: 2,000 of one seed', { tags: ['root'] }, async () => {
    const report = await http.run({ count: 2_000, seed: 20_160_729 });
    expect(report.finding).toBeUndefined();
    expect(report.fedCount).toBe(2_000);
  });
});
