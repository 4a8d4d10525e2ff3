/** The frameworks that have or had tasks here, and which of their sandboxes `/files` shows. */
import type { FrameworkID, FrameworkInfo, VirtualFiles } from '@drydock/mesos';
import { messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import type { AgentCheckpoints } from './checkpoint/agent-checkpoints.ts';
import { virtualSandboxPaths } from './directories.ts';
import type { TaskRun } from './executor/task-run.ts';

/** A framework with tasks here, now or before. */
export interface AgentFramework {
  info: FrameworkInfo & { id: FrameworkID };
  /** By task id, from launch to the end of the clean-up and the last acknowledgement. */
  readonly runs: Map<string, TaskRun>;
  /** Newest last. */
  readonly completed: TaskRun[];
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

  /** The framework is going to have a task here, whatever it was before. */
  open(info: FrameworkInfo & { id: FrameworkID }): AgentFramework {
    const known = this.#current.get(info.id.value) ?? this.#completed.get(info.id.value);
    const framework = known ?? { info, runs: new Map<string, TaskRun>(), completed: [] };
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

  /** The framework knows the task's end: it moves to the completed ones. */
  completeTask(frameworkId: string, taskId: string): void {
    const framework = this.#current.get(frameworkId);
    const run = framework?.runs.get(taskId);
    if (framework === undefined || run === undefined) return;
    this.complete(framework, run);
    if (framework.runs.size === 0) this.completeFramework(framework);
  }

  complete(framework: AgentFramework, run: TaskRun): void {
    framework.runs.delete(run.task.task_id.value);
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
  attach(run: TaskRun, sandbox: string): void {
    const { files, workDir } = this.#options;
    for (const path of [sandbox, ...virtualSandboxPaths(workDir, run.ids)]) files.attach(path, sandbox);
  }

  #forget(run: TaskRun, framework: AgentFramework): void {
    const rest = [...framework.completed, ...framework.runs.values()];
    const hasNewer = rest.some(({ ids }) => ids.executorId === run.ids.executorId);
    this.#detach(run, hasNewer);
    void run.journal.forget(!hasNewer);
  }

  /** `.../runs/latest` stays while there is a newer run of the executor. */
  #detach(run: TaskRun, hasNewer = false): void {
    if (run.sandbox === undefined) return;
    for (const path of [run.sandbox, ...virtualSandboxPaths(this.#options.workDir, run.ids)])
      if (!hasNewer || !path.endsWith('/latest')) this.#options.files.detach(path);
  }

  async #forgetCheckpoints(run: TaskRun): Promise<void> {
    const { checkpoints, logger } = this.#options;
    try {
      await checkpoints.forgetFramework(run.ids);
    } catch (error) {
      const { frameworkId } = run.ids;
      logger.error('Failed to remove the checkpoints of a framework', { frameworkId, error: messageOf(error) });
    }
  }
}
