/**
 * Status updates of tasks on their way to the framework: in order per task, one outstanding at a time, written down
 * before it is sent, sent again with growing pauses until the framework acknowledged it.
 * @see src/slave/task_status_update_manager.cpp
 */
import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ClockPort } from '@drydock/base/ports';
import { isTerminalState, type FrameworkID, type TaskStatus } from '@drydock/mesos';

/** STATUS_UPDATE_RETRY_INTERVAL_MIN and _MAX. @see src/slave/constants.hpp */
const RETRY_MS_MIN = 10_000;
const RETRY_MS_MAX = 600_000;

/**
 * What of one task may wait for an acknowledgement before `isCongested`.
 * DEVIATION: upstream takes and keeps whatever an executor says.
 */
const PENDING_COUNT_MAX = 1_024;
const PENDING_DATA_BYTES_MAX = 16 * 1024 * 1024;

export interface StatusUpdateStreamsOptions {
  /** Delivers one update to the master or throws; a throw is tried again. */
  readonly send: (frameworkId: FrameworkID, status: TaskStatus) => Promise<void>;
  /** The last update of a task was acknowledged: nothing of it is left. */
  readonly onFinished: (frameworkId: FrameworkID, taskId: string) => void;
  readonly clock: ClockPort;
  readonly logger: Logger;
}

/** Where the updates of a task are written down. Neither call rejects. */
export interface UpdateJournal {
  update(status: TaskStatus): Promise<void>;
  acknowledge(taskId: string, uuid: Uint8Array): Promise<void>;
}

interface PendingUpdate {
  readonly status: TaskStatus;
  /** Before that it is not sent. */
  readonly written: Promise<void>;
}

interface Stream {
  readonly frameworkId: FrameworkID;
  readonly taskId: string;
  readonly journal: UpdateJournal;
  /** The first one is outstanding. */
  readonly pending: PendingUpdate[];
  /** Ends the wait for the acknowledgement of the outstanding one. */
  attempt: AbortController;
  /** Its terminal update is in `pending` or was acknowledged. */
  isEnding: boolean;
}

export class StatusUpdateStreams {
  readonly #options: StatusUpdateStreamsOptions;
  readonly #streams = new Map<string, Stream>();
  #isStopped = false;

  constructor(options: StatusUpdateStreamsOptions) {
    this.#options = options;
  }

  /** Updates that no framework has acknowledged yet. */
  get pendingCount(): number {
    return [...this.#streams.values()].reduce((sum, { pending }) => sum + pending.length, 0);
  }

  /** So much of the task waits for acknowledgements that an executor which has more to say had better wait. */
  isCongested(frameworkId: FrameworkID, taskId: string): boolean {
    const pending = this.#streams.get(keyOf(frameworkId, taskId))?.pending ?? [];
    const dataBytes = pending.reduce((sum, { status: { data, message = '' } }) => {
      return sum + (data?.byteLength ?? 0) + message.length;
    }, 0);
    return pending.length >= PENDING_COUNT_MAX || dataBytes >= PENDING_DATA_BYTES_MAX;
  }

  /**
   * Queues an update; one that follows a terminal update of its task is dropped. Resolves when it is written down, never
   * rejects.
   */
  async update(frameworkId: FrameworkID, status: TaskStatus, journal: UpdateJournal): Promise<void> {
    const stream = this.#streamOf(frameworkId, status.task_id.value, journal);
    if (stream.isEnding) {
      this.#options.logger.warning('Ignoring a status update after a terminal one', {
        taskId: status.task_id.value,
        state: status.state,
      });
      return;
    }
    stream.isEnding = isTerminalState(status.state);
    const written = journal.update(status);
    stream.pending.push({ status, written });
    if (stream.pending.length === 1) this.#deliver(stream);
    await written;
  }

  /** Takes up what an earlier agent had written down and nobody has acknowledged; it is sent by `resend`. */
  restore(frameworkId: FrameworkID, taskId: string, statuses: readonly TaskStatus[], journal: UpdateJournal): void {
    const stream = this.#streamOf(frameworkId, taskId, journal);
    for (const status of statuses) stream.pending.push({ status, written: Promise.resolve() });
    stream.isEnding = statuses.some(({ state }) => isTerminalState(state));
  }

  #streamOf(frameworkId: FrameworkID, taskId: string, journal: UpdateJournal): Stream {
    const key = keyOf(frameworkId, taskId);
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const stream = { frameworkId, taskId, journal, pending: [], attempt: new AbortController(), isEnding: false };
    this.#streams.set(key, stream);
    return stream;
  }

  /** Takes an acknowledgement; false = it is not the one that is waited for, and is ignored. */
  acknowledge(frameworkId: FrameworkID, taskId: string, uuid: Uint8Array): boolean {
    const stream = this.#streams.get(keyOf(frameworkId, taskId));
    const outstanding = stream?.pending[0]?.status.uuid;
    if (stream === undefined || outstanding === undefined || Buffer.compare(outstanding, uuid) !== 0) return false;
    void stream.journal.acknowledge(taskId, uuid);
    stream.attempt.abort();
    stream.pending.shift();
    if (stream.pending.length > 0) {
      this.#deliver(stream);
    } else if (stream.isEnding) {
      this.#streams.delete(keyOf(frameworkId, taskId));
      this.#options.onFinished(frameworkId, taskId);
    }
    return true;
  }

  /** Sends everything outstanding at once, or what is a framework's: after a new registration, of the agent or of it. */
  resend(frameworkId?: FrameworkID): void {
    for (const stream of this.#streams.values()) {
      const isMeant = frameworkId === undefined || stream.frameworkId.value === frameworkId.value;
      if (isMeant && stream.pending.length > 0) this.#deliver(stream);
    }
  }

  /** Forgets the updates of a framework that is gone. */
  forget(frameworkId: FrameworkID): void {
    for (const [key, stream] of this.#streams) {
      if (stream.frameworkId.value !== frameworkId.value) continue;
      stream.attempt.abort();
      this.#streams.delete(key);
    }
  }

  /** Forgets the updates of a task whose end is known. */
  forgetTask(frameworkId: FrameworkID, taskId: string): void {
    const key = keyOf(frameworkId, taskId);
    this.#streams.get(key)?.attempt.abort();
    this.#streams.delete(key);
  }

  /** Sends nothing any more. */
  stop(): void {
    this.#isStopped = true;
    for (const { attempt } of this.#streams.values()) attempt.abort();
  }

  #deliver(stream: Stream): void {
    stream.attempt.abort();
    stream.attempt = new AbortController();
    void this.#sendUntilAcknowledged(stream, stream.attempt.signal);
  }

  async #sendUntilAcknowledged(stream: Stream, signal: AbortSignal): Promise<void> {
    const { send, clock, logger } = this.#options;
    const [outstanding] = stream.pending;
    if (outstanding === undefined) return;
    const { status, written } = outstanding;
    await written;
    for (
      let pauseMs = RETRY_MS_MIN;
      !signal.aborted && !this.#isStopped;
      pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)
    ) {
      try {
        await send(stream.frameworkId, status);
      } catch (error) {
        logger.info('A status update was not delivered, trying again', {
          taskId: stream.taskId,
          error: messageOf(error),
        });
      }
      await clock.sleep(pauseMs, { signal }).catch(() => undefined); // Acknowledged, replaced or stopped meanwhile.
    }
  }
}

function keyOf(frameworkId: FrameworkID, taskId: string): string {
  return `${frameworkId.value}\n${taskId}`;
}
