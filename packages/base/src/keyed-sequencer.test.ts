import { describe, expect, it } from 'vitest';
import { KeyedSequencer } from './keyed-sequencer.ts';

describe('KeyedSequencer', () => {
  it('runs operations of one key in order and those of another beside them', async () => {
    const sequencer = new KeyedSequencer<string>();
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = sequencer.run('a', async () => {
      seen.push('a1');
      await gate.promise;
      seen.push('a1 done');
    });
    const second = sequencer.run('a', async () => void seen.push('a2'));
    await sequencer.run('b', async () => void seen.push('b1'));
    expect(seen).toEqual(['a1', 'b1']);
    gate.resolve();
    await Promise.all([first, second]);
    expect(seen).toEqual(['a1', 'b1', 'a1 done', 'a2']);
  });

  it('goes on after an operation that failed', async () => {
    const sequencer = new KeyedSequencer<string>();
    const failed = sequencer.run('a', async () => await Promise.reject(new Error('no')));
    const next = sequencer.run('a', async () => await Promise.resolve(2));
    await expect(failed).rejects.toThrow('no');
    await expect(next).resolves.toBe(2);
  });

  it('drops a waiting operation whose signal aborts, and later ones still wait for the running one', async () => {
    const sequencer = new KeyedSequencer<string>();
    const gate = Promise.withResolvers<void>();
    const controller = new AbortController();
    const seen: string[] = [];
    const running = sequencer.run('a', async () => {
      await gate.promise;
      seen.push('running done');
    });
    const waiting = sequencer.run('a', async () => void seen.push('waiting'), { signal: controller.signal });
    const later = sequencer.run('a', async () => void seen.push('later'));
    controller.abort(new Error('killed'));
    await expect(waiting).rejects.toThrow('killed');
    expect(seen).toEqual([]);
    gate.resolve();
    await Promise.all([running, later]);
    expect(seen).toEqual(['running done', 'later']);
  });

  it('forgets a key when its last operation ends', async () => {
    const sequencer = new KeyedSequencer<string>();
    await Promise.all(
      [1, 2, 3].map(async (n) => await sequencer.run(`key${n % 2}`, async () => await Promise.resolve(n))),
    );
    await Promise.resolve();
    expect(sequencer.size).toBe(0);
  });
});
