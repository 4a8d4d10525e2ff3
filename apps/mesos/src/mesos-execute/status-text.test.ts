import { describe, expect, it } from 'vitest';
import { statusText } from './status-text.ts';

describe('statusText', () => {
  it('has one line for every part that is set', () => {
    const text = statusText({
      task_id: { value: 't' },
      state: 'TASK_FAILED',
      message: 'm',
      source: 'SOURCE_AGENT',
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      healthy: false,
      check_status: { type: 'TCP' },
      limitation: { resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: 32 } }] },
      uuid: Buffer.alloc(16),
      timestamp: 1,
    });
    expect(text.split('\n')).toEqual([
      "Received status update TASK_FAILED for task 't'",
      "  message: 'm'",
      '  source: SOURCE_AGENT',
      '  reason: REASON_CONTAINER_LIMITATION_MEMORY',
      '  healthy?: 0',
      '  check status: {"type":"TCP"}',
      '  resource limit violation: mem:32',
    ]);
  });

  it('is one line for a bare status', () => {
    expect(statusText({ task_id: { value: 't' }, state: 'TASK_RUNNING' })).toBe(
      "Received status update TASK_RUNNING for task 't'",
    );
  });
});
