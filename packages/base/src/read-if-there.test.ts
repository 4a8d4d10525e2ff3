import { expect, it } from 'vitest';
import { readTextIfThere } from './read-if-there.ts';

it('gives the text of a file, and undefined for one that is not there', async () => {
  expect(await readTextIfThere('/proc/self/comm')).toMatch(/\n$/);
  expect(await readTextIfThere('/does/not/exist')).toBeUndefined();
});

it('reports any other failure unless it is told that it means absence', async () => {
  await expect(readTextIfThere('/proc/self/comm/x')).rejects.toThrow('ENOTDIR');
  expect(await readTextIfThere('/proc/self/comm/x', ['ENOTDIR'])).toBeUndefined();
});
