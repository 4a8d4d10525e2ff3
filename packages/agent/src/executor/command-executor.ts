/**
 * The command executor: runs one task's command in its container and reports how it goes. The agent hosts it; it handles
 * the same events as upstream's `mesos-executor` and prints that program's lines to the sandbox's stdout, each because it
 * happened.
 *
 * DEVIATION: upstream runs a process per executor; its lines went to stdout until 1.3 and to stderr after. They go to
 * stdout here, in the form of the document.
 * @see src/launcher/executor.cpp
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { formatDurationMs } from '@drydock/base/gflags';
import type { Logger } from '@drydock/base/log';
import type { ContainerTermination, ForkedContainer } from '@drydock/containerizer';
import type { DurationInfo, TaskInfo, TaskState } from '@drydock/mesos';
import type { KillRequest } from '../checkpoint/agent-checkpoints.ts';
import type { TaskReport } from './task-record.ts';

export interface CommandExecutorOptions {
  readonly task: TaskInfo;
  readonly container: ForkedContainer;
  /** Of the agent, `Subscribed executor on <hostname>`. */
  readonly hostname: string;
  /** Host path of the stdout that gets the executor's lines. Without it there are none. */
  readonly stdoutPath?: string;
  readonly logger: Logger;
  /** The framework knows TASK_KILLING. */
  readonly hasTaskKillingState: boolean;
  readonly report: (report: TaskReport) => void;
  /** Before the first signal is sent; resolves when the next agent would know of it, too. */
  readonly noteKill: (kill: KillRequest) => Promise<void>;
  /** The container was launched by an earlier agent. */
  readonly resumed?: ResumedTask;
}

/** How far an earlier agent had come with a task. */
export interface ResumedTask {
  /** The last that it had told. */
  readonly state: TaskState;
  /** It had been asked to kill the task. */
  readonly kill?: KillRequest;
}

/** From a kill to SIGKILL when no kill policy says otherwise. @see src/slave/constants.hpp */
const KILL_GRACE_MS = 3_000;
/** setTimeout fires at once when it is asked to wait for longer than this. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Once the task runs, what lies under the sandbox's names is the task's choice: they are not resolved again. */
const APPEND_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
const SIGNAL_TEXTS: Readonly<Record<string, string>> = { SIGTERM: 'Terminated', SIGKILL: 'Killed' };

export class CommandExecutor {
  readonly #options: CommandExecutorOptions;
  /** Opened before the command can run, closed after the last line. */
  #stdout: Promise<FileHandle> | undefined;
  #lines: Promise<void> = Promise.resolve();
  /** When SIGKILL follows; epoch milliseconds. */
  #killDeadlineMs: number | undefined;
  #escalation: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(options: CommandExecutorOptions) {
    this.#options = options;
  }

  /** From the subscription to the terminal report; rejects only when the sandbox's stdout cannot be opened. */
  async run(): Promise<void> {
    const { stdoutPath } = this.#options;
    if (stdoutPath === undefined) return await this.#run();
    this.#stdout = open(stdoutPath, APPEND_FLAGS, 0o644);
    await using _stdout = await this.#stdout;
    try {
      await this.#run();
    } finally {
      this.#stdout = undefined;
    }
  }

  async #run(): Promise<void> {
    const { container, hostname, resumed, report } = this.#options;
    await this.#print('Received SUBSCRIBED event', `Subscribed executor on ${hostname}`);
    if (resumed === undefined) await this.#launch();
    else await this.#resume(resumed);
    const termination = await container.exited;
    this.#hasEnded = true;
    clearTimeout(this.#escalation);
    const end = endOf(termination);
    await this.#print(`${end} (pid: ${container.pid})`);
    report(this.#terminalReport(termination, end));
  }

  async #launch(): Promise<void> {
    const { task, container, report } = this.#options;
    await this.#print('Received LAUNCH event', `Starting task ${task.task_id.value}`);
    report({ state: 'TASK_STARTING' });
    await this.#print(`Forked command at ${container.pid}`);
    if (this.#isKilled) return;
    await container.openGate();
    // A kill may have come meanwhile: TASK_KILLING is not followed by TASK_RUNNING.
    if (!this.#isKilled) report({ state: 'TASK_RUNNING' });
  }

  /** Goes on where the executor of an earlier agent was: tells what that one could not, and kills what it was to kill. */
  async #resume({ state, kill }: ResumedTask): Promise<void> {
    const { container, report, hasTaskKillingState } = this.#options;
    const isBegun = state !== 'TASK_STAGING' && state !== 'TASK_STARTING';
    if (state === 'TASK_STAGING') report({ state: 'TASK_STARTING' });
    if (kill === undefined) {
      if (!isBegun && (await container.hasStarted())) report({ state: 'TASK_RUNNING' });
      return;
    }
    this.#killDeadlineMs = kill.deadlineMs;
    if (hasTaskKillingState && state !== 'TASK_KILLING') report({ state: 'TASK_KILLING' });
    this.#scheduleEscalation(kill.deadlineMs, Math.max(0, kill.deadlineMs - Date.now()));
    await container.terminate();
  }

  /** KILL event: SIGTERM, and SIGKILL after the grace period. A repeated kill can only shorten the period. */
  async kill(gracePeriod: DurationInfo | undefined): Promise<void> {
    const { task } = this.#options;
    const policy = gracePeriod ?? task.kill_policy?.grace_period;
    const graceMs = policy === undefined ? KILL_GRACE_MS : Math.max(0, policy.nanoseconds / 1e6);
    await this.#print('Received KILL event');
    const grace = formatDurationMs(graceMs);
    await this.#print(`Received kill for task ${task.task_id.value} with grace period of ${grace}`);
    await this.#terminate(graceMs);
  }

  /** MESSAGE event: a command has no ear for it. */
  async message(): Promise<void> {
    await this.#print('Received MESSAGE event');
  }

  /** SHUTDOWN event: the agent or the framework goes away. */
  async shutdown(graceMs: number): Promise<void> {
    await this.#print('Received SHUTDOWN event', 'Shutting down');
    await this.#terminate(graceMs);
  }

  async #terminate(graceMs: number): Promise<void> {
    const { container, hasTaskKillingState, noteKill, report } = this.#options;
    if (this.#hasEnded) return;
    const deadlineMs = Date.now() + graceMs;
    const isFirst = this.#killDeadlineMs === undefined;
    if (!isFirst && this.#killDeadlineMs !== undefined && deadlineMs >= this.#killDeadlineMs) return;
    this.#killDeadlineMs = deadlineMs;
    await noteKill({ deadlineMs });
    if (!isFirst) return this.#scheduleEscalation(deadlineMs, graceMs);
    if (hasTaskKillingState) report({ state: 'TASK_KILLING' });
    await this.#print(`Sending SIGTERM to process tree at pid ${container.pid}`);
    await this.#print(`Scheduling escalation to SIGKILL in ${formatDurationMs(graceMs)} from now`);
    // Not before: however short the period, SIGTERM comes first. A second kill may have shortened it meanwhile.
    if (this.#killDeadlineMs === deadlineMs) this.#scheduleEscalation(deadlineMs, graceMs);
    await container.terminate();
  }

  #scheduleEscalation(deadlineMs: number, graceMs: number): void {
    clearTimeout(this.#escalation);
    if (this.#hasEnded) return;
    const delayMs = Math.min(Math.max(0, deadlineMs - Date.now()), TIMER_MS_MAX);
    this.#escalation = setTimeout(() => void this.#escalate(graceMs), delayMs);
  }

  async #escalate(graceMs: number): Promise<void> {
    const { container, logger, task } = this.#options;
    if (this.#hasEnded) return;
    const grace = formatDurationMs(graceMs);
    await this.#print(
      `Process ${container.pid} did not terminate after ${grace}, sending SIGKILL to process tree at ${container.pid}`,
    );
    try {
      await container.kill();
    } catch (error) {
      logger.error('Failed to kill a task', { taskId: task.task_id.value, error });
    }
  }

  #terminalReport(termination: ContainerTermination, end: string): TaskReport {
    if (termination.how === 'exited' && termination.isOutOfMemory && termination.exitCode !== 0) {
      const message = `Memory limit exceeded: ${end}`;
      return { state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LIMITATION_MEMORY', message };
    }
    // As upstream since 1.5: a kill wins over an exit with status 0.
    if (this.#isKilled) return { state: 'TASK_KILLED', message: end };
    const isFinished = termination.how === 'exited' && termination.exitCode === 0;
    return { state: isFinished ? 'TASK_FINISHED' : 'TASK_FAILED', message: end };
  }

  get #isKilled(): boolean {
    return this.#killDeadlineMs !== undefined;
  }

  /**
   * Lines of one call stand together; calls are written in their order. A line that cannot be written (the disk is full)
   * is lost, so that the task can still be killed and its end be told.
   */
  async #print(...lines: readonly string[]): Promise<void> {
    this.#lines = this.#lines.then(async () => await this.#write(`${lines.join('\n')}\n`));
    await this.#lines;
  }

  async #write(text: string): Promise<void> {
    const { logger, task } = this.#options;
    try {
      await (await this.#stdout)?.appendFile(text);
    } catch (error) {
      logger.warning('Failed to write to the stdout of a task', { taskId: task.task_id.value, error });
    }
  }
}

function endOf(termination: ContainerTermination): string {
  if (termination.how === 'launch-failed') return `Failed to execute command: ${termination.message}`;
  if (termination.how === 'unknown') return termination.message;
  if (termination.signal === undefined) return `Command exited with status ${termination.exitCode}`;
  return `Command terminated with signal ${SIGNAL_TEXTS[termination.signal] ?? termination.signal}`;
}
