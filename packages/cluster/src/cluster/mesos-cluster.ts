/**
 * A running cluster, wherever it runs: what a test of a framework, a driver or the products can say to it. Local processes
 * and containers offer the same; what only containers can do (another network, another host) is said where they are.
 */
import type { ExecutedTask, ExecuteOptions } from '../executed-task.ts';
import type { Leak } from '../leaks.ts';
import type { ClusterTask, Sandbox, TaskQuery } from './cluster-task.ts';
import type { WaitCondition } from './wait-condition.ts';

export interface MesosCluster extends AsyncDisposable {
  readonly master: StartedDaemon;
  readonly agents: readonly StartedAgent[];
  /** Runs mesos-execute to its end and tells what it said. */
  execute(options: ExecuteOptions): Promise<ExecutedTask>;
  /** Starts mesos-execute and does not wait for its end. */
  launch(options: ExecuteOptions): Promise<LaunchedTask>;
  /** A task as the master knows it, of whatever framework; it need not be there yet. */
  task(query: TaskQuery): ClusterTask;
  /** What a task wrote; works while it runs and after it. @throws Error that names the task when there is none */
  sandbox(task: TaskQuery): Promise<Sandbox>;
  /** Resolves when no agent has a container that is not cleaned up. */
  waitUntilIdle(): Promise<void>;
  /** What is there that should not be, while the daemons run and no task does. */
  leaks(): Promise<readonly Leak[]>;
  /** Stops everything and removes what the run has made. Idempotent. */
  stop(): Promise<void>;
}

export interface StartedDaemon {
  readonly name: string;
  /** `http://host:port`, for this process. */
  readonly url: string;
  /** All that it has said. */
  log(): Promise<string>;
  /** `GET /state` */
  state(): Promise<unknown>;
  /** `GET /metrics/snapshot` */
  metrics(): Promise<Readonly<Record<string, number>>>;
  /** Resolves when the condition holds. @throws WaitTimedOutError that says what was seen last */
  waitFor(condition: WaitCondition, options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Sends a signal; resolves when it has ended. Default SIGKILL. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with the same flags, over what it left; resolves when it serves, an agent when the master has it. */
  restart(): Promise<void>;
  /** It stands still and its connections stay. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

export interface StartedAgent extends StartedDaemon {
  /** Its id at the master, `<master id>-S0`. */
  id(): Promise<string>;
  /** The driver of that name on its host. @throws Error that names the drivers there are */
  driver(name: string): StartedDriver;
  /** Runs a program where the agent runs, `convoy` and `dvdcli` among them. */
  exec(
    argv: readonly string[],
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
}

/** A volume driver on an agent's host. */
export interface StartedDriver {
  readonly name: string;
  /** What it does wrong from now on, in place of its faults until now: `mount: 1*hang -> off`. */
  faults(text: string): Promise<void>;
  /** The plugin calls that it got since its start, oldest first. */
  requests(): Promise<readonly DriverRequest[]>;
  /** What its clients did wrong. */
  misuses(): Promise<readonly DriverMisuse[]>;
  /** Resolves when it has ended. Default SIGKILL. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again over what it left; resolves when it serves. */
  restart(): Promise<void>;
}

/** One call of a plugin's client. */
export interface DriverRequest {
  /** `VolumeDriver.Mount` */
  readonly method: string;
  readonly request: { readonly Name?: string; readonly ID?: string; readonly Opts?: Readonly<Record<string, string>> };
  /** `done`, or what became of it. */
  readonly outcome: string;
}

/** What a driver's client did wrong: `double-unmount`. */
export interface DriverMisuse {
  readonly kind: string;
  readonly text: string;
}

/** A mesos-execute that runs. */
export interface LaunchedTask {
  readonly task: ClusterTask;
  /** How it went, when mesos-execute has ended. */
  readonly ended: Promise<ExecutedTask>;
  /** Ends mesos-execute, and with its framework the task. */
  cancel(): Promise<void>;
}
