/** An agent that is started again whenever it was killed, as an init system does. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '@drydock/base/errors';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { waitUntil } from '@drydock/base/wait-until';
import type { DaemonProcess, LocalCluster } from '@drydock/cluster';
import type { HookSettings } from './hook/effect-gate.ts';

const HOOK = new URL('hook/main.ts', import.meta.url).href;
const AGENT = fileURLToPath(new URL('../../../mesos/bin/mesos-agent.js', import.meta.url));
/** One that does not stay up is not started for ever. */
const START_COUNT_MAX = 5;
/** A master may offer what an agent has that has just ended. */
const UNNOTICED_MS = 200;
const READY_MS_MAX = 20_000;

export interface SupervisedAgentOptions {
  readonly cluster: LocalCluster;
  /** Of its log. */
  readonly name: string;
  readonly flags: readonly string[];
  readonly workDir: string;
  /** Of the n-th start, from 0; undefined = nothing is watched. */
  readonly hookOf: (start: number) => HookSettings | undefined;
  /** A module that each start loads first, to see what notices the fault that it brings. */
  readonly faultModule?: string;
}

export class SupervisedAgent {
  readonly #options: SupervisedAgentOptions;
  #daemon: DaemonProcess | undefined;
  #startCount = 0;
  #endedAt = -Infinity;
  #isStopping = false;
  #problem: Error | undefined;
  #supervision: Promise<void> = Promise.resolve();

  private constructor(options: SupervisedAgentOptions) {
    this.#options = options;
  }

  static async start(options: SupervisedAgentOptions): Promise<SupervisedAgent> {
    const agent = new SupervisedAgent(options);
    agent.#supervision = agent.#supervise(await agent.#start());
    return agent;
  }

  /** How often it was started. */
  get startCount(): number {
    return this.#startCount;
  }

  /** Whether it has ended since `at`, or so shortly before that nobody can have noticed. */
  hasEndedSince(at: number): boolean {
    return this.#endedAt > at - UNNOTICED_MS;
  }

  /** Throws when it does not stay up. */
  assertUp(): void {
    if (this.#problem !== undefined) throw this.#problem;
  }

  /** Kills it once; resolves when the next one was started. */
  async killOnce(): Promise<void> {
    const count = this.#startCount;
    this.#daemon?.kill('SIGKILL');
    await waitUntil(() => this.#problem !== undefined || this.#startCount > count, { what: 'the agent to be started' });
    this.assertUp();
  }

  /** Ends it and all that it runs when it listens, and again after a start when it was killed while it stopped. */
  async stop(): Promise<void> {
    for (;;) {
      this.assertUp();
      const count = this.#startCount;
      const daemon = this.#daemon;
      await this.#untilListening(count);
      if (this.#startCount !== count || daemon === undefined || daemon.hasEnded) continue;
      this.#isStopping = true;
      // As SIGTERM, but what runs ends with it.
      daemon.kill('SIGUSR1');
      await waitUntil(() => daemon.hasEnded, { what: 'the agent to end', timeoutMs: READY_MS_MAX });
      if (daemon.exitCode === 0) break;
      // Killed while it stopped; one that ended by itself did so for a reason.
      if (daemon.exitCode !== null) await daemon.assertRunning();
      this.#isStopping = false;
      this.#supervision = this.#supervise(await this.#start());
    }
    await this.#supervision;
  }

  /** Ends it however it is. */
  async end(): Promise<void> {
    this.#isStopping = true;
    this.#daemon?.kill('SIGKILL');
    await this.#supervision;
  }

  async #untilListening(count: number): Promise<void> {
    const address = join(this.#options.workDir, 'agent.address');
    await waitUntil(
      async () =>
        this.#problem !== undefined || this.#startCount !== count || (await readTextIfThere(address)) !== undefined,
      { what: 'the agent to listen', timeoutMs: READY_MS_MAX },
    );
  }

  async #supervise(first: DaemonProcess): Promise<void> {
    let daemon = first;
    try {
      for (;;) {
        await daemon.exited;
        this.#endedAt = performance.now();
        if (this.#isStopping) return;
        if (this.#startCount >= START_COUNT_MAX || daemon.exitCode !== null) await daemon.assertRunning();
        daemon = await this.#start();
      }
    } catch (error) {
      this.#problem = new Error(`The agent does not stay up: ${messageOf(error)}`, { cause: error });
    }
  }

  async #start(): Promise<DaemonProcess> {
    const { cluster, name, flags, workDir, hookOf, faultModule } = this.#options;
    const hook = hookOf(this.#startCount);
    const watched = hook === undefined ? [] : ['env', `CRASH_MATRIX_HOOK=${JSON.stringify(hook)}`];
    const modules = [...(faultModule === undefined ? [] : [faultModule]), ...(hook === undefined ? [] : [HOOK])];
    const preload = modules.map((module) => `--import=${module}`);
    // One that was killed leaves it behind.
    await rm(join(workDir, 'agent.address'), { force: true });
    const argv = [...watched, process.execPath, ...preload, AGENT, ...flags];
    this.#daemon = await cluster.startProgram(name, argv, 'SIGINT');
    this.#startCount += 1;
    return this.#daemon;
  }
}
