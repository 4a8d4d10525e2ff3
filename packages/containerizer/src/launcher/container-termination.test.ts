import { describe, expect, it } from 'vitest';
import { parseExitRecord, toTermination } from './container-termination.ts';

describe('toTermination', () => {
  it.each([
    [143, 0, ['SIGTERM'], 'SIGTERM'],
    [143, 0, [], undefined],
    [137, 0, ['SIGTERM', 'SIGKILL'], 'SIGKILL'],
    [137, 1, [], 'SIGKILL'],
    [137, 0, [], undefined],
    [0, 0, ['SIGTERM'], undefined],
  ] as const)('reads exit code %i with %i OOM kills after %j as signal %s', (exitCode, oomKillCount, sent, signal) => {
    const termination = toTermination({ exitCode, oomKillCount }, new Set(sent));
    expect(termination).toMatchObject({ how: 'exited', exitCode, isOutOfMemory: oomKillCount > 0 });
    expect('signal' in termination ? termination.signal : undefined).toBe(signal);
  });
});

describe('parseExitRecord', () => {
  it.each(['', 'exited 3', 'exited 3 0', 'gone 3 0\n'])('does not take %j for an exit file', (text) => {
    expect(parseExitRecord(text)).toBeUndefined();
  });

  it('reads a whole exit file', () => {
    expect(parseExitRecord('exited 3 1\n')).toEqual({ how: 'exited', exitCode: 3, oomKillCount: 1 });
  });
});
