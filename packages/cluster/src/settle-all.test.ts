import { describe, expect, it } from 'vitest';
import { settleAll } from './settle-all.ts';

describe('settleAll', () => {
  it('gives the values in their order', async () => {
    expect(await settleAll([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2]);
  });

  it('fails only when all have ended', async () => {
    const slow = Promise.withResolvers<number>();
    let isOver = false;
    const all = settleAll([Promise.reject(new Error('no room')), slow.promise])
      .catch((error: unknown) => String(error))
      .finally(() => (isOver = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    slow.resolve(1);
    expect(await all).toBe('Error: no room');
  });

  it('tells of all that failed', async () => {
    const both = [Promise.reject(new Error('one')), Promise.reject(new Error('two'))];
    await expect(settleAll(both)).rejects.toThrow('Error: one; Error: two');
  });
});
