import { describe, expect, it } from 'vitest';
import { makeRoom } from './make-room.ts';
import { TaskRecord } from './task-record.ts';

function aRecord(id: string, isAcknowledged: boolean): TaskRecord {
  const record = new TaskRecord({
    task: { name: id, task_id: { value: id }, agent_id: { value: 'S0' } },
    ids: { agentId: 'S0', frameworkId: 'F', executorId: 'e', containerId: 'c' },
    containerId: { value: 'c' },
    containerStatus: () => ({}),
    onStatus: async () => await Promise.resolve(),
  });
  record.isAcknowledged = isAcknowledged;
  return record;
}

describe('makeRoom', () => {
  it('keeps the newest of those whose end is known, and all others', () => {
    const living = aRecord('living', false);
    const ended = Array.from({ length: 203 }, (_, index) => aRecord(`t${index}`, true));
    const { kept, forgotten } = makeRoom([living, ...ended], new Set());
    expect(forgotten).toEqual(['t0', 't1', 't2']);
    expect(kept).toEqual([living, ...ended.slice(3)]);
  });

  it('keeps none that has ended under the id of a further task, whose checkpoints are not to be forgotten', () => {
    const [ended, other, living] = [aRecord('t', true), aRecord('u', true), aRecord('v', false)];
    expect(makeRoom([ended, other, living], new Set(['t', 'v']))).toEqual({ kept: [other, living], forgotten: [] });
  });
});
