/** The document's story ("Test it out!"), step by step, with real processes. */
import { join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import type { RunResult } from '@drydock/base/subprocess';
import { LocalCluster, type BinName } from '@drydock/cluster';
import { ORDINARY_USER_LIMITS } from '../ordinary-user.ts';
import type { Reporter } from './reporter.ts';
import { findUnexpectedLine } from './sandbox-lines.ts';
import type { ScenarioCheck, ScenarioResult, ScenarioStep } from './scenario-result.ts';

export interface RunScenarioOptions {
  readonly imagesDirectory: string;
  /** What the image is. */
  readonly imageNote: string;
  /** The document's myvolume.json. */
  readonly volumesFile: string;
  /** Wait for the signal before the cluster is taken down. */
  readonly isKept: boolean;
  /** Not root: everything runs in a user namespace, and volumes are plain directories. */
  readonly isOrdinaryUser: boolean;
  /** Beyond those of the document. */
  readonly agentFlags: readonly string[];
  /** `DVDCLI_COMPAT` of everything that runs. */
  readonly dvdcliCompat?: string;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

const LEAK_KINDS = ['mount', 'loop device', 'process', 'checkpoint', 'control group'] as const;

/** Runs it; rejects only when the harness itself fails. */
export async function runScenario(options: RunScenarioOptions): Promise<ScenarioResult> {
  const story = new Story(options);
  const startedAt = performance.now();
  story.note(options.imageNote);
  const compat = options.dvdcliCompat === undefined ? {} : { DVDCLI_COMPAT: options.dvdcliCompat };
  await using cluster = await LocalCluster.create({
    imagesDirectory: options.imagesDirectory,
    env: { ...process.env, ...compat },
    onCommand: (program, args) => story.command(program, args),
  });
  const { MESOS_PORT, ...others } = cluster.daemonSettings;
  const settings = Object.entries({ MESOS_PORT, ...others, ...compat }).map(([name, value]) => `${name}=${value}`);
  story.note(`everything runs in a mount namespace of its own; the daemons' environment has ${settings.join(' ')}`);
  const listing = options.isOrdinaryUser ? ['myfile'] : ['lost+found', 'myfile'];
  if (options.isOrdinaryUser) {
    story.note('you are not root, so this is a user namespace in which you are:');
    for (const limit of ORDINARY_USER_LIMITS) story.note(`- ${limit}`);
  }
  let sandboxStdout = '';
  try {
    await story.daemon(cluster.startMaster());
    await story.daemon(cluster.startConvoy());
    await story.daemon(cluster.startAgent({ flags: options.agentFlags }));
    const { signal } = options;
    const created = await story.during(cluster.run('convoy', ['create', 'myvolume'], { signal }), (result) => result);
    story.check('convoy created the volume', created.exitCode === 0, created.stderr || created.stdout);
    await runTask(story, cluster, 'touch /tmp/myvolume/myfile');
    sandboxStdout = await runTask(story, cluster, 'ls /tmp/myvolume');
    const unexpected = findUnexpectedLine(sandboxStdout, listing);
    story.check("the second task's stdout has the document's lines", unexpected === undefined, unexpected);
    for (const name of listing) {
      story.check(`the volume holds ${name}`, sandboxStdout.split('\n').includes(name), 'it is not listed');
    }
    await cluster.waitUntilIdle();
    const leaks = await cluster.leaks();
    for (const kind of LEAK_KINDS) {
      const left = leaks.filter((leak) => leak.kind === kind).map(({ what }) => what);
      story.check(`no ${kind} is left`, left.length === 0, left.join(', '));
    }
  } catch (error) {
    story.check('the cluster works', false, messageOf(error));
  }
  if (options.isKept && !options.signal.aborted) await keep(story, cluster, options.signal);
  return story.result({ sandboxStdout, durationMs: Math.round(performance.now() - startedAt) });

  async function runTask(teller: Story, on: LocalCluster, command: string): Promise<string> {
    const { signal, volumesFile: volumes, reporter } = options;
    const task = await teller.during(on.execute({ command, volumes, signal }), ({ result }) => result);
    const isFinished = task.result.exitCode === 0 && task.states.at(-1) === 'TASK_FINISHED';
    teller.check(`the task \`${command}\` finished`, isFinished, (task.result.stderr || task.result.stdout).trim());
    if (command.startsWith('ls') && task.sandbox !== undefined) {
      reporter.command(`cat ${join(task.sandbox, 'stdout')}`);
      reporter.output(task.stdout);
    }
    return task.stdout;
  }
}

async function keep(story: Story, cluster: LocalCluster, signal: AbortSignal): Promise<void> {
  story.note('the cluster stays up until Ctrl-C. To look around in it:');
  story.note(`  master: http://${cluster.master}/state`);
  for (const { name, address, workDir } of cluster.agents) story.note(`  ${name}: http://${address}/state, ${workDir}`);
  story.note(`  logs: ${join(cluster.directory, 'logs')}`);
  story.note(`  a shell inside: ${cluster.enterCommand}`);
  await cluster.runUntil(signal);
}

/** Tells and remembers what happens. */
class Story {
  readonly #options: RunScenarioOptions;
  readonly #steps: ScenarioStep[] = [];
  readonly #checks: ScenarioCheck[] = [];
  #current = { command: '', startedAt: 0 };

  constructor(options: RunScenarioOptions) {
    this.#options = options;
  }

  note(text: string): void {
    this.#options.reporter.note(text);
  }

  command(program: BinName, args: readonly string[]): void {
    const command = [program, ...args.map(quoted)].join(' ');
    this.#current = { command, startedAt: performance.now() };
    this.#options.reporter.command(command);
  }

  async daemon(starting: Promise<unknown>): Promise<void> {
    const { signal, reporter } = this.#options;
    signal.throwIfAborted();
    await reporter.during('starting', starting);
    this.#steps.push({ command: this.#current.command, durationMs: this.#elapsedMs() });
  }

  /** A tool that runs to its end; `resultOf` finds how it ended in what `work` gives. */
  async during<T>(work: Promise<T>, resultOf: (done: T) => RunResult): Promise<T> {
    const { signal, reporter } = this.#options;
    const done = await reporter.during('running', work);
    signal.throwIfAborted();
    const { exitCode = -1, stdout } = resultOf(done);
    reporter.output(stdout);
    this.#steps.push({ command: this.#current.command, exitCode, stdout, durationMs: this.#elapsedMs() });
    return done;
  }

  /** `detail` is told only when the check failed. */
  check(name: string, isPassed: boolean, detail: string | undefined): void {
    this.#checks.push({ name, isPassed, ...(isPassed || detail === undefined ? {} : { detail }) });
  }

  result(facts: Pick<ScenarioResult, 'sandboxStdout' | 'durationMs'>): ScenarioResult {
    const isPassed = this.#checks.length > 0 && this.#checks.every((check) => check.isPassed);
    const limits = this.#options.isOrdinaryUser ? ORDINARY_USER_LIMITS : [];
    return { isPassed, limits, image: this.#options.imageNote, commands: this.#steps, checks: this.#checks, ...facts };
  }

  #elapsedMs(): number {
    return Math.round(performance.now() - this.#current.startedAt);
  }
}

/** As it would be typed in a shell; `--command=touch x` becomes `--command="touch x"`, as in the document. */
function quoted(argument: string): string {
  if (/^[\w@%+=:,./{}-]+$/.test(argument)) return argument;
  const match = /^(--[\w-]+=)(.*)$/s.exec(argument);
  return match === null ? JSON.stringify(argument) : `${match[1]}${JSON.stringify(match[2])}`;
}
