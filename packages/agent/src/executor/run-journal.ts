/** What of a run is written down for the next agent, one thing after the other. */
import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { ExecutorInfo, TaskStatus } from '@drydock/mesos';
import type { AgentCheckpoints, KillRequest, PlacedTask } from '../checkpoint/agent-checkpoints.ts';
import type { RunIds } from '../directories.ts';

export interface RunJournal {
  /** Before anything of the run is made. Rejects when it cannot be written down: then the run must not begin. */
  begin(executor: ExecutorInfo, tasks: readonly PlacedTask[]): Promise<void>;
  /** The container has a process. Rejects as `begin`. */
  forked(pid: number): Promise<void>;
  /** The rest never rejects: what cannot be written is logged, because a task has to end on a full disk, too. */
  update(status: TaskStatus): Promise<void>;
  acknowledge(taskId: string, uuid: Uint8Array): Promise<void>;
  kill(taskId: string, kill: KillRequest): Promise<void>;
  /** Nobody shows the task any more, while its executor goes on. */
  forgetTask(taskId: string): Promise<void>;
  /** Everything of the container is cleaned up. */
  end(): Promise<void>;
  /** Nobody shows the run any more. */
  forget(isLastOfExecutor: boolean): Promise<void>;
}

/** Of a framework that does not ask for checkpoints: its containers end with the agent. */
export const noJournal: RunJournal = {
  begin: async () => await Promise.resolve(),
  forked: async () => await Promise.resolve(),
  update: async () => await Promise.resolve(),
  acknowledge: async () => await Promise.resolve(),
  kill: async () => await Promise.resolve(),
  forgetTask: async () => await Promise.resolve(),
  end: async () => await Promise.resolve(),
  forget: async () => await Promise.resolve(),
};

export interface CheckpointedRunJournalOptions {
  readonly checkpoints: AgentCheckpoints;
  readonly ids: RunIds;
  readonly logger: Logger;
  /** The framework comes before its runs. */
  readonly writeFramework: () => Promise<void>;
}

export class CheckpointedRunJournal implements RunJournal {
  readonly #options: CheckpointedRunJournalOptions;
  #last: Promise<void> = Promise.resolve();
  #isForgotten = false;

  constructor(options: CheckpointedRunJournalOptions) {
    this.#options = options;
  }

  async begin(executor: ExecutorInfo, tasks: readonly PlacedTask[]): Promise<void> {
    const { checkpoints, ids, writeFramework } = this.#options;
    await this.#inOrder(async () => {
      await writeFramework();
      await checkpoints.writeRun(ids, executor, tasks);
    });
  }

  async forked(pid: number): Promise<void> {
    await this.#inOrder(async () => await this.#options.checkpoints.writeForkedPid(this.#options.ids, pid));
  }

  async update(status: TaskStatus): Promise<void> {
    await this.#attempt(
      'a status update',
      async () => await this.#options.checkpoints.appendUpdate(this.#options.ids, status),
    );
  }

  async acknowledge(taskId: string, uuid: Uint8Array): Promise<void> {
    const write = async (): Promise<void> =>
      await this.#options.checkpoints.appendAcknowledgement(this.#options.ids, taskId, uuid);
    await this.#attempt('an acknowledgement', write);
  }

  async kill(taskId: string, kill: KillRequest): Promise<void> {
    await this.#attempt(
      'a kill',
      async () => await this.#options.checkpoints.writeKill(this.#options.ids, taskId, kill),
    );
  }

  async forgetTask(taskId: string): Promise<void> {
    await this.#attempt(
      'that a task is forgotten',
      async () => await this.#options.checkpoints.forgetTask(this.#options.ids, taskId),
    );
  }

  async end(): Promise<void> {
    await this.#attempt(
      'the end of a run',
      async () => await this.#options.checkpoints.writeSentinel(this.#options.ids),
    );
  }

  async forget(isLastOfExecutor: boolean): Promise<void> {
    const remove = async (): Promise<void> =>
      await this.#options.checkpoints.forgetRun(this.#options.ids, isLastOfExecutor);
    const removed = this.#attempt('that a run is forgotten', remove);
    this.#isForgotten = true;
    await removed;
  }

  async #inOrder(write: () => Promise<void>): Promise<void> {
    const written = this.#last.then(write);
    this.#last = written.catch(() => undefined); // The caller sees it.
    await written;
  }

  async #attempt(what: string, write: () => Promise<void>): Promise<void> {
    if (this.#isForgotten) return;
    try {
      await this.#inOrder(write);
    } catch (error) {
      this.#options.logger.error(`Failed to write down ${what}: an agent that starts again will not know of it`, {
        containerId: this.#options.ids.containerId,
        error: messageOf(error),
      });
    }
  }
}
