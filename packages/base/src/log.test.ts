import { expect, it } from 'vitest';
import { createLogger } from './log.ts';

it('writes glog lines with the fields of every level of child', () => {
  const lines: string[] = [];
  const logger = createLogger({
    component: 'agent',
    write: (line) => void lines.push(line),
    now: () => new Date(2026, 10, 23, 9, 5, 7, 42),
  });
  logger
    .child('isolator', { containerId: 'c1' })
    .warning('Unmount failed', { error: new Error('busy'), skipped: undefined });
  expect(lines).toEqual([
    `W1123 09:05:07.042000 ${process.pid} isolator] Unmount failed containerId="c1" error="busy"\n`,
  ]);
});
