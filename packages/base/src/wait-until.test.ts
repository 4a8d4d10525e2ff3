import { expect, it } from 'vitest';
import { waitUntil, WaitTimedOutError } from './wait-until.ts';

it('gives the first good value', async () => {
  let reads = 0;
  expect(await waitUntil(() => (reads += 1), { what: 'three', until: (n) => n === 3, intervalMs: 1 })).toBe(3);
});

it('waits for a value that is there, and gives it as one', async () => {
  const values: (string | false | undefined)[] = [undefined, false, 'there'];
  const value: string = await waitUntil(() => values.shift(), { what: 'a value', intervalMs: 1 });
  expect(value).toBe('there');
});

it('says what it last saw when time is over', async () => {
  const waiting = waitUntil(() => 'TASK_STAGING', {
    what: 'TASK_RUNNING',
    until: () => false,
    timeoutMs: 5,
    intervalMs: 1,
  });
  await expect(waiting).rejects.toThrow(WaitTimedOutError);
  await expect(waiting).rejects.toThrow('Waited 5 ms for TASK_RUNNING; last seen: TASK_STAGING');
});
