import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from './byte-queue.ts';

describe('ByteQueue', () => {
  it('gives back what was pushed, in whatever pieces it comes and goes', () => {
    const steps = fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.nat(40)), { maxLength: 40 });
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new ByteQueue();
        let expected = Buffer.alloc(0);
        for (const step of all) {
          if (typeof step === 'number') {
            const count = Math.min(step, queue.length);
            queue.skip(count);
            expected = expected.subarray(count);
          } else {
            queue.push(Buffer.from(step));
            expected = Buffer.concat([expected, step]);
          }
          expect(queue.peek().equals(expected)).toBe(true);
        }
      }),
    );
  });

  it('leaves the pieces that it was given as they were', () => {
    const queue = new ByteQueue();
    const [first, second] = [Buffer.from('ab'), Buffer.from('cd')];
    queue.push(first.subarray(0, 1));
    queue.push(second);
    expect([first.toString(), second.toString(), queue.peek().toString()]).toEqual(['ab', 'cd', 'acd']);
  });
});
