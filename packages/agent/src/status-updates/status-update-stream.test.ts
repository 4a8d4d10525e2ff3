import { silentLogger } from '@drydock/base/log';
import type { ClockPort } from '@drydock/base/ports';
import type { TaskState, TaskStatus } from '@drydock/mesos';
import { beforeEach, describe, expect, it } from 'vitest';
import { StatusUpdateStreams, type UpdateJournal } from './status-update-stream.ts';

/** A clock whose sleeps the test ends. */
class ManualClock implements ClockPort {
  readonly sleeps: { readonly ms: number; readonly wake: () => void }[] = [];

  now(): number {
    return 0;
  }

  async sleep(ms: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.sleeps.push({ ms, wake: resolve });
    options.signal?.addEventListener('abort', () => reject(options.signal?.reason));
    await promise;
  }
}

const framework = { value: 'f1' };
let uuidCount = 0;
function aStatus(state: TaskState, taskId = 't1'): TaskStatus {
  uuidCount += 1;
  return { task_id: { value: taskId }, state, uuid: Buffer.alloc(16, uuidCount) };
}
const settle = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

/** What was written down. */
let written: string[];
const journal: UpdateJournal = {
  update: async ({ state }) => {
    written.push(state);
    await Promise.resolve();
  },
  acknowledge: async (taskId) => {
    written.push(`ack ${taskId}`);
    await Promise.resolve();
  },
};

let clock: ManualClock;
let sent: string[];
let finished: string[];
let isReachable: boolean;
let streams: StatusUpdateStreams;
beforeEach(() => {
  clock = new ManualClock();
  written = [];
  sent = [];
  finished = [];
  isReachable = true;
  streams = new StatusUpdateStreams({
    clock,
    logger: silentLogger,
    onFinished: (_, taskId) => void finished.push(taskId),
    send: async (_, status) => {
      if (!isReachable) throw new Error('not registered');
      sent.push(`${status.task_id.value} ${status.state}`);
      await Promise.resolve();
    },
  });
});

describe('StatusUpdateStreams', () => {
  it('has one update of a task outstanding and sends the next when it is acknowledged', async () => {
    const [starting, running] = [aStatus('TASK_STARTING'), aStatus('TASK_RUNNING')];
    void streams.update(framework, starting, journal);
    void streams.update(framework, running, journal);
    await settle();
    expect(sent).toEqual(['t1 TASK_STARTING']);
    expect(streams.acknowledge(framework, 't1', starting.uuid ?? Buffer.alloc(0))).toBe(true);
    await settle();
    expect(sent).toEqual(['t1 TASK_STARTING', 't1 TASK_RUNNING']);
  });

  it('does not let one task wait for another', async () => {
    void streams.update(framework, aStatus('TASK_RUNNING', 't1'), journal);
    void streams.update(framework, aStatus('TASK_RUNNING', 't2'), journal);
    await settle();
    expect(sent).toEqual(['t1 TASK_RUNNING', 't2 TASK_RUNNING']);
  });

  it('sends again with doubling pauses up to ten minutes until it is acknowledged, and never after', async () => {
    const status = aStatus('TASK_RUNNING');
    void streams.update(framework, status, journal);
    for (let round = 0; round < 8; round += 1) {
      await settle();
      clock.sleeps.at(-1)?.wake();
    }
    await settle();
    expect(clock.sleeps.map(({ ms }) => ms)).toEqual([
      10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000, 600_000, 600_000,
    ]);
    expect(sent).toHaveLength(9);
    streams.acknowledge(framework, 't1', status.uuid ?? Buffer.alloc(0));
    clock.sleeps.at(-1)?.wake();
    await settle();
    expect(sent).toHaveLength(9);
    expect(streams.pendingCount).toBe(0);
  });

  it('keeps an update that cannot be delivered and sends it at the next registration', async () => {
    isReachable = false;
    void streams.update(framework, aStatus('TASK_FINISHED'), journal);
    await settle();
    isReachable = true;
    streams.resend();
    await settle();
    expect(sent).toEqual(['t1 TASK_FINISHED']);
  });

  it('ignores an acknowledgement of another update', async () => {
    void streams.update(framework, aStatus('TASK_RUNNING'), journal);
    expect(streams.acknowledge(framework, 't1', Buffer.alloc(16, 255))).toBe(false);
    expect(streams.acknowledge(framework, 'unknown', Buffer.alloc(16, 255))).toBe(false);
    expect(streams.pendingCount).toBe(1);
  });

  it('is done with a task when its terminal update is acknowledged', async () => {
    const [killed, late] = [aStatus('TASK_KILLED'), aStatus('TASK_FAILED')];
    void streams.update(framework, killed, journal);
    void streams.update(framework, late, journal);
    await settle();
    streams.acknowledge(framework, 't1', killed.uuid ?? Buffer.alloc(0));
    await settle();
    expect(finished).toEqual(['t1']);
    expect(sent).toEqual(['t1 TASK_KILLED']);
  });

  it('forgets the updates of a framework that is gone', async () => {
    void streams.update(framework, aStatus('TASK_RUNNING'), journal);
    void streams.update({ value: 'f2' }, aStatus('TASK_RUNNING', 't2'), journal);
    await settle();
    streams.forget(framework);
    streams.resend();
    await settle();
    expect(streams.pendingCount).toBe(1);
    expect(sent.filter((one) => one.startsWith('t1'))).toHaveLength(1);
  });

  it('sends an update when it is written down, and writes its acknowledgement down', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = aStatus('TASK_RUNNING');
    void streams.update(framework, running, { ...journal, update: async () => await promise });
    await settle();
    expect(sent).toEqual([]);
    resolve();
    await settle();
    expect(sent).toEqual(['t1 TASK_RUNNING']);
    const killed = aStatus('TASK_KILLED', 't2');
    void streams.update(framework, killed, journal);
    streams.acknowledge(framework, 't2', killed.uuid ?? Buffer.alloc(0));
    expect(written).toEqual(['TASK_KILLED', 'ack t2']);
  });

  it('sends what an earlier agent could not, in order, once it is registered', async () => {
    const [running, ended] = [aStatus('TASK_RUNNING'), aStatus('TASK_FINISHED')];
    streams.restore(framework, 't1', [running, ended], journal);
    await settle();
    expect(sent).toEqual([]);
    streams.resend();
    await settle();
    expect(sent).toEqual(['t1 TASK_RUNNING']);
    streams.acknowledge(framework, 't1', running.uuid ?? Buffer.alloc(0));
    await settle();
    expect(sent).toEqual(['t1 TASK_RUNNING', 't1 TASK_FINISHED']);
    streams.acknowledge(framework, 't1', ended.uuid ?? Buffer.alloc(0));
    expect(finished).toEqual(['t1']);
    expect(written).toEqual(['ack t1', 'ack t1']);
  });
});
