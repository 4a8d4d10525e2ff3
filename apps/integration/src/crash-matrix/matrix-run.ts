/**
 * One run of the matrix, from the first start of an agent to its end: the keeper, with an image and two volumes, stays; the
 * writer writes to the volume that they share and ends; the agent is killed at that quiet moment; the keeper is killed.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@drydock/base/errors';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { WaitTimedOutError, waitUntil } from '@drydock/base/wait-until';
import { findInJournal, type Finding } from './findings.ts';
import { findFreePort } from './free-port.ts';
import { isStaying, processesOf } from './holders.ts';
import type { HookSettings, KillPoint, Moment, SeenMoment } from './hook/effect-gate.ts';
import { findLeftovers } from './leftovers.ts';
import { driverOf, type DriverKind, type MatrixCluster } from './matrix-cluster.ts';
import { MatrixFramework } from './matrix-framework.ts';
import { matrixTasks, type MatrixTasks } from './matrix-tasks.ts';
import type { MatrixVariant } from './matrix-variant.ts';
import { SupervisedAgent } from './supervised-agent.ts';
import { judgeTask, type TaskFacts } from './task-truth.ts';

/** Which life of the agent is watched: its first, or the one after the restart at the quiet moment. */
export type Life = 'first' | 'second';

export interface RunOptions {
  readonly variant: MatrixVariant;
  /** Unique in its cluster. */
  readonly name: string;
  readonly watched: Life;
  /** Absent: nothing is killed but at the quiet moment. */
  readonly kill?: KillPoint;
  /** See `SupervisedAgentOptions`. */
  readonly faultModule?: string;
  /** For each step. Default 60 s: dvdcli alone lets an isolator try five times before it knows. */
  readonly waitMsMax?: number;
}

export interface RunOutcome {
  readonly findings: readonly Finding[];
  /** The moments of the watched life, in their order. */
  readonly moments: readonly SeenMoment[];
  /** Whether the agent came to the point at which it was to be killed. */
  readonly isKilled: boolean;
  /** The end of the agent's log, when something was found. */
  readonly log?: string;
}

/** Between two tasks that may not get a volume yet. */
const WRITE_PAUSE_MS = 500;
const WAIT_MS_MAX_DEFAULT = 60_000;
const LOG_CHARACTERS_MAX = 6_000;

/** Plays one run, and removes what it has written unless something was found. */
export async function playRun(cluster: MatrixCluster, options: RunOptions): Promise<RunOutcome> {
  const run = new MatrixRun(cluster, options, await findFreePort());
  await mkdir(run.workDir, { recursive: true });
  const findings = await run.play();
  const lines = ((await readTextIfThere(run.hookLog)) ?? '').split('\n').filter((line) => line !== '');
  const isKilled = lines.at(-1) === 'killed';
  const outcome = { findings, moments: (isKilled ? lines.slice(0, -1) : lines).map(toMoment), isKilled };
  if (findings.length === 0) {
    await rm(run.directory, { recursive: true, force: true });
    return outcome;
  }
  const log = await readFile(join(cluster.cluster.directory, 'logs', `${run.agentName}.log`), 'utf8');
  return { ...outcome, log: log.slice(-LOG_CHARACTERS_MAX) };
}

function toMoment(line: string): SeenMoment {
  const [at, moment, effect = ''] = line.split('\t');
  // As the hook writes it.
  return { at: Number(at), moment: moment as Moment, effect };
}

class MatrixRun {
  readonly directory: string;
  readonly workDir: string;
  readonly agentName: string;
  readonly hookLog: string;
  readonly #cluster: MatrixCluster;
  readonly #options: RunOptions;
  readonly #driver: DriverKind;
  readonly #tasks: MatrixTasks;
  readonly #storeDir: string;
  /** One for all starts: the master takes an agent at the address of one that is gone for its successor. */
  readonly #port: number;
  /** As seen inside. */
  readonly #runtimeDir: string;

  constructor(cluster: MatrixCluster, options: RunOptions, port: number) {
    const { name, variant } = options;
    this.#port = port;
    this.#options = options;
    this.#cluster = cluster;
    this.#driver = driverOf(variant);
    this.#tasks = matrixTasks(`${cluster.cluster.runId}-${name}`, this.#driver);
    this.directory = join(cluster.cluster.directory, name);
    this.workDir = join(this.directory, 'work');
    this.hookLog = join(this.directory, 'effects');
    this.agentName = `agent-${name}`;
    this.#storeDir = join(this.directory, 'store');
    this.#runtimeDir = `/run/${name}`;
  }

  get #waitMsMax(): number {
    return this.#options.waitMsMax ?? WAIT_MS_MAX_DEFAULT;
  }

  get #checkpointDir(): string {
    return join(this.#runtimeDir, 'isolators', 'docker', 'volume');
  }

  async play(): Promise<readonly Finding[]> {
    const { cluster } = this.#cluster;
    const agent = await SupervisedAgent.start({
      cluster,
      name: this.agentName,
      flags: this.#flags(),
      workDir: this.workDir,
      hookOf: (start) => this.#hookOf(start),
      ...(this.#options.faultModule === undefined ? {} : { faultModule: this.#options.faultModule }),
    });
    const findings: Finding[] = [];
    try {
      findings.push(...(await this.#playStory(agent)));
    } catch (error) {
      findings.push({ kind: 'lost', what: messageOf(error) });
    }
    try {
      // What needs its agent to be removed is removed before it stops, and the rest when it does.
      await this.#untilClean(this.#waitMsMax);
      await agent.stop();
      await this.#untilClean(5_000);
    } catch (error) {
      findings.push({ kind: 'lost', what: messageOf(error) });
    }
    await agent.end();
    findings.push(...(await this.#leftovers()).map((what): Finding => ({ kind: 'leak', what })));
    for (const volume of this.#tasks.volumes) {
      findings.push(...findInJournal(this.#options.variant, await this.#cluster.journalOf(this.#driver, volume)));
    }
    return findings;
  }

  async #playStory(agent: SupervisedAgent): Promise<readonly Finding[]> {
    const { keeper, writer } = this.#tasks;
    const { master } = this.#cluster.cluster;
    const { name } = this.#options;
    await using framework = await MatrixFramework.subscribe({ master, hostname: name, waitMsMax: this.#waitMsMax });
    framework.assertAgent = () => agent.assertUp();

    const keeperAt = await framework.launch(keeper.info);
    await framework.reach(keeper.info.name, 'TASK_RUNNING');
    const isKept = !framework.hasEnded(keeper.info.name);
    if (isKept) await this.#untilKept(framework);
    const processes = isKept ? await processesOf(keeper.mark) : [];

    framework.isHoldingEnds = true;
    const writerAt = await framework.launch(writer.info);
    await framework.reach(writer.info.name);
    const written: TaskFacts = {
      ...framework.factsOf(writer.info.name),
      isInterrupted: agent.hasEndedSince(writerAt),
      isAfterKill: agent.startCount > 1,
      isKilled: false,
      data: await this.#textIn(this.#tasks.written),
    };
    await this.#restart(agent, framework);
    if (!written.states.includes('TASK_FINISHED')) await this.#writeAgain(framework);

    const laterProcesses = await processesOf(keeper.mark);
    const isKilled = !framework.hasEnded(keeper.info.name);
    await framework.kill(keeper.info.name);
    const kept: TaskFacts = {
      ...framework.factsOf(keeper.info.name),
      isInterrupted: agent.hasEndedSince(keeperAt),
      isAfterKill: false,
      isKilled,
      processes,
      laterProcesses,
      data: await this.#textIn(this.#tasks.kept),
    };
    await this.#untilClean(this.#waitMsMax);
    const late = framework.late.map(({ task_id, state }): Finding => ({
      kind: 'lost',
      what: `${task_id.value}: ${state} came after its end was acknowledged`,
    }));
    await framework.tearDown();
    return [...judgeTask(kept), ...judgeTask(written), ...late];
  }

  /** At the quiet moment; an agent that has come to its point before is not killed once more. */
  async #restart(agent: SupervisedAgent, framework: MatrixFramework): Promise<void> {
    if (agent.startCount > 1) return await framework.stopHolding({ all: true });
    await this.#untilQuiet();
    const { offerCount } = framework;
    await agent.killOnce();
    await framework.stopHolding({ all: false });
    await framework.waitForOfferAfter(offerCount);
  }

  /** The volume can be used, if not at once. */
  async #writeAgain(framework: MatrixFramework): Promise<void> {
    const { writer } = this.#tasks;
    const deadline = performance.now() + this.#waitMsMax;
    for (let count = 2; ; count += 1) {
      const name = `${writer.info.name}-${count}`;
      await framework.launch({ ...writer.info, name, task_id: { value: name } });
      await framework.reach(name);
      const last = framework.statusOf(name);
      if (last?.state === 'TASK_FINISHED') return;
      if (performance.now() > deadline) throw new Error(`The volume cannot be used again: ${last?.message ?? ''}`);
      await delay(WRITE_PAUSE_MS);
    }
  }

  /** The keeper does nothing but stay; its container may also have been ended meanwhile. */
  async #untilKept(framework: MatrixFramework): Promise<void> {
    const { keeper } = this.#tasks;
    await waitUntil(async () => framework.hasEnded(keeper.info.name) || (await isStaying(keeper.mark)), {
      what: 'the keeper to have written',
      timeoutMs: this.#waitMsMax,
    });
  }

  /** Nothing of the writer is left but its last update. */
  async #untilQuiet(): Promise<void> {
    await waitUntil(async () => (await this.#leftovers()).filter((what) => what.startsWith('checkpoint')).length, {
      what: 'the writer to be cleaned up',
      until: (count) => count <= 1,
      timeoutMs: this.#waitMsMax,
    });
  }

  async #untilClean(timeoutMs: number): Promise<void> {
    await waitUntil(async () => await this.#leftovers(), {
      what: 'everything to be cleaned up',
      until: (leftovers) => leftovers.length === 0,
      timeoutMs,
      intervalMs: 50,
    }).catch((error: unknown) => {
      if (!(error instanceof WaitTimedOutError)) throw error;
      // What is left is looked at in the end.
    });
  }

  async #leftovers(): Promise<readonly string[]> {
    const { cluster } = this.#cluster;
    return await findLeftovers({
      cluster,
      workDir: this.workDir,
      storeDir: this.#storeDir,
      runtimeDir: cluster.inside(this.#runtimeDir),
      checkpointDir: cluster.inside(this.#checkpointDir),
    });
  }

  async #textIn({ volume, file }: { readonly volume: string; readonly file: string }): Promise<string | undefined> {
    return await readTextIfThere(join(this.#cluster.dataOf(this.#driver, volume), file));
  }

  /** The first life is the first start; the second is the next one, unless the first was watched. */
  #hookOf(start: number): HookSettings | undefined {
    const { name, watched, kill } = this.#options;
    if (start !== (watched === 'first' ? 0 : 1)) return undefined;
    return {
      logPath: this.hookLog,
      names: [
        [this.workDir, '<work_dir>'],
        [this.#storeDir, '<store>'],
        [this.#checkpointDir, '<checkpoints>'],
        [this.#runtimeDir, '<runtime_dir>'],
        [this.#cluster.imagesDirectory, '<images>'],
        [this.#cluster.cluster.runId, '<run>'],
        [name, '<point>'],
      ],
      ...(kill === undefined ? {} : { kill }),
    };
  }

  #flags(): readonly string[] {
    const { name, variant } = this.#options;
    return [
      `--master=${this.#cluster.cluster.master}`,
      `--hostname=${name}`,
      `--port=${this.#port}`,
      '--isolation=docker/volume,docker/runtime,filesystem/linux',
      '--image_providers=docker',
      '--executor_environment_variables={}',
      `--work_dir=${this.workDir}`,
      `--runtime_dir=${this.#runtimeDir}`,
      `--docker_volume_checkpoint_dir=${this.#checkpointDir}`,
      `--docker_store_dir=${this.#storeDir}`,
      `--docker_registry=${this.#cluster.imagesDirectory}`,
      `--docker_volume_client=${variant.client}`,
      `--docker_volume_mount_counting=${variant.counting}`,
    ];
  }
}
