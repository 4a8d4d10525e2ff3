/**
 * Status updates of tasks on their way to the framework: in order per task, one outstanding at a time, sent again with
 * growing pauses until the framework acknowledged it.
 * @see src/slave/task_status_update_manager.cpp
 */
import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ClockPort } from '@drydock/base/ports';
import { isTerminalState, type FrameworkID, type TaskStatus } from '@drydock/mesos';

/** STATUS_UPDATE_RETRY_INTERVAL_MIN and _MAX. @see src/slave/constants.hpp */
const RETRY_MS_MIN = 10_000;
const RETRY_MS_MAX = 600_000;

export interface StatusUpdateStreamsOptions {
  /** Delivers one update to the master or throws; a throw is tried again. */
  readonly send: (frameworkId: FrameworkID, status: TaskStatus) => Promise<void>;
  /** The last update of a task was acknowledged: nothing of it is left. */
  readonly onFinished: (frameworkId: FrameworkID, taskId: string) => void;
  readonly clock: ClockPort;
  readonly logger: Logger;
}

interface Stream {
  readonly frameworkId: FrameworkID;
  readonly taskId: string;
  /** The first one is outstanding. */
  readonly pending: TaskStatus[];
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

  /** Queues an update; one that follows a terminal update of its task is dropped. */
  update(frameworkId: FrameworkID, status: TaskStatus): void {
    const key = keyOf(frameworkId, status.task_id.value);
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      const taskId = status.task_id.value;
      stream = { frameworkId, taskId, pending: [], attempt: new AbortController(), isEnding: false };
      this.#streams.set(key, stream);
    }
    if (stream.isEnding) {
      this.#options.logger.warning('Ignoring a status update after a terminal one', {
        taskId: status.task_id.value,
        state: status.state,
      });
      return;
    }
    stream.isEnding = isTerminalState(status.state);
    stream.pending.push(status);
    if (stream.pending.length === 1) this.#deliver(stream);
  }

  /** Takes an acknowledgement; false = it is not the one that is waited for, and is ignored. */
  acknowledge(frameworkId: FrameworkID, taskId: string, uuid: Uint8Array): boolean {
    const stream = this.#streams.get(keyOf(frameworkId, taskId));
    const outstanding = stream?.pending[0];
    if (stream === undefined || outstanding?.uuid === undefined) return false;
    if (Buffer.compare(outstanding.uuid, uuid) !== 0) return false;
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
    const [status] = stream.pending;
    if (status === undefined) return;
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
