/** The frameworks that have or had tasks here, and which of their sandboxes `/files` shows. */
import type { FrameworkID, FrameworkInfo, VirtualFiles } from '@drydock/mesos';
import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { AgentCheckpoints } from './checkpoint/agent-checkpoints.ts';
import { virtualSandboxPaths } from './directories.ts';
import type { ExecutorRun } from './executor/executor-run.ts';
import type { TaskRecord } from './executor/task-record.ts';

/** A framework with tasks here, now or before. */
export interface AgentFramework {
  info: FrameworkInfo & { id: FrameworkID };
  /**
   * By executor id: those of commands until the end of their task is acknowledged, others until everything of them is
   * cleaned up and acknowledged.
   */
  readonly runs: Map<string, ExecutorRun>;
  /** Newest last. */
  readonly completed: ExecutorRun[];
}

/** Of all its executors that are not completed. */
export function tasksOf({ runs }: AgentFramework): readonly TaskRecord[] {
  return [...runs.values()].flatMap(({ tasks }) => tasks);
}

export interface AgentFrameworksOptions {
  readonly workDir: string;
  /** `--max_completed_executors_per_framework`. */
  readonly completedExecutorCountMax: number;
  readonly checkpoints: AgentCheckpoints;
  readonly files: VirtualFiles;
  readonly logger: Logger;
}

const COMPLETED_FRAMEWORK_COUNT_MAX = 50;

export class AgentFrameworks {
  readonly #options: AgentFrameworksOptions;
  readonly #current = new Map<string, AgentFramework>();
  readonly #completed = new Map<string, AgentFramework>();

  /** What of each is on disk, or will be. */
  readonly #written = new WeakMap<AgentFramework, { readonly text: string; readonly done: Promise<void> }>();

  constructor(options: AgentFrameworksOptions) {
    this.#options = options;
  }

  get current(): readonly AgentFramework[] {
    return [...this.#current.values()];
  }

  get completed(): readonly AgentFramework[] {
    return [...this.#completed.values()];
  }

  /** One that has tasks here. */
  get(frameworkId: string | undefined): AgentFramework | undefined {
    return this.#current.get(frameworkId ?? '');
  }

  /** One that has or had tasks here. */
  find(frameworkId: string): AgentFramework | undefined {
    return this.#current.get(frameworkId) ?? this.#completed.get(frameworkId);
  }

  /** The framework is going to have a task here, whatever it was before. */
  open(info: FrameworkInfo & { id: FrameworkID }): AgentFramework {
    const known = this.find(info.id.value);
    const framework = known ?? { info, runs: new Map<string, ExecutorRun>(), completed: [] };
    framework.info = info;
    this.#completed.delete(info.id.value);
    this.#current.set(info.id.value, framework);
    return framework;
  }

  /** The framework says something new of itself; undefined when it has no tasks here. */
  update(info: FrameworkInfo & { id: FrameworkID }): AgentFramework | undefined {
    const framework = this.#current.get(info.id.value);
    if (framework !== undefined) framework.info = info;
    return framework;
  }

  /** The run that has the task. */
  runOf(frameworkId: string | undefined, taskId: string): ExecutorRun | undefined {
    const runs = this.#current.get(frameworkId ?? '')?.runs;
    const hasTask = (run: ExecutorRun): boolean =>
      run.tasks.some(({ task, isAcknowledged }) => task.task_id.value === taskId && !isAcknowledged);
    const command = runs?.get(taskId);
    if (command !== undefined && hasTask(command)) return command;
    return runs?.values().find(hasTask);
  }

  /** The framework knows the task's end. */
  acknowledgeEnd(frameworkId: string, taskId: string): void {
    const run = this.runOf(frameworkId, taskId);
    const task = run?.tasks.findLast((one) => one.task.task_id.value === taskId);
    if (run === undefined || task === undefined) return;
    task.isAcknowledged = true;
    this.completeIfOver(run);
  }

  /** A run of which the framework knows everything moves to the completed ones, and so does a framework without others. */
  completeIfOver(run: ExecutorRun): void {
    const framework = this.#current.get(run.ids.frameworkId);
    if (framework?.runs.get(run.ids.executorId) !== run) return;
    if (!run.tasks.every(({ isAcknowledged }) => isAcknowledged) || !(run.isCommand || run.hasEnded)) return;
    this.complete(framework, run);
    if (framework.runs.size === 0) this.completeFramework(framework);
  }

  complete(framework: AgentFramework, run: ExecutorRun): void {
    framework.runs.delete(run.ids.executorId);
    framework.completed.push(run);
    const surplus = framework.completed.length - this.#options.completedExecutorCountMax;
    for (const old of framework.completed.splice(0, Math.max(0, surplus))) this.#forget(old, framework);
  }

  completeFramework(framework: AgentFramework): void {
    this.#current.delete(framework.info.id.value);
    this.#completed.set(framework.info.id.value, framework);
    const [oldest] = this.#completed.keys();
    if (this.#completed.size <= COMPLETED_FRAMEWORK_COUNT_MAX || oldest === undefined) return;
    const forgotten = this.#completed.get(oldest);
    this.#completed.delete(oldest);
    for (const run of forgotten?.completed ?? []) this.#detach(run);
    const [run] = forgotten?.completed ?? [];
    if (run !== undefined) void this.#forgetCheckpoints(run);
  }

  /** Writes the framework down, if it wants that and has changed. */
  async checkpoint(framework: AgentFramework, agentId: string): Promise<void> {
    const { info } = framework;
    if (info.checkpoint !== true) return;
    const text = JSON.stringify(info);
    const before = this.#written.get(framework);
    if (before?.text === text) return await before.done;
    const write = async (): Promise<void> => await this.#options.checkpoints.writeFramework(agentId, info);
    // One after the other, whatever became of the one before.
    const done = before === undefined ? write() : before.done.then(write, write);
    this.#written.set(framework, { text, done });
    try {
      await done;
    } catch (error) {
      this.#written.delete(framework);
      throw error;
    }
  }

  /** `/files` shows the sandbox. */
  attach(run: ExecutorRun, sandbox: string): void {
    const { files, workDir } = this.#options;
    for (const path of [sandbox, ...virtualSandboxPaths(workDir, run.ids)]) files.attach(path, sandbox);
  }

  #forget(run: ExecutorRun, framework: AgentFramework): void {
    const rest = [...framework.completed, ...framework.runs.values()];
    const hasNewer = rest.some(({ ids }) => ids.executorId === run.ids.executorId);
    this.#detach(run, hasNewer);
    void run.journal.forget(!hasNewer);
  }

  /** `.../runs/latest` stays while there is a newer run of the executor. */
  #detach(run: ExecutorRun, hasNewer = false): void {
    if (run.sandbox === undefined) return;
    for (const path of [run.sandbox, ...virtualSandboxPaths(this.#options.workDir, run.ids)])
      if (!hasNewer || !path.endsWith('/latest')) this.#options.files.detach(path);
  }

  async #forgetCheckpoints(run: ExecutorRun): Promise<void> {
    const { checkpoints, logger } = this.#options;
    try {
      await checkpoints.forgetFramework(run.ids);
    } catch (error) {
      const { frameworkId } = run.ids;
      logger.error('Failed to remove the checkpoints of a framework', { frameworkId, error: messageOf(error) });
    }
  }
}
