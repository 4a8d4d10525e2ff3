/** The example framework with a real cluster of two agents: what it promises, and what it survives. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { waitUntil } from '@drydock/base/wait-until';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY, type DaemonProcess } from '@drydock/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertNothingLeft, startTestCluster, startTestDriver } from './testing/test-cluster.ts';

const BIN = fileURLToPath(new URL('../../example-framework/bin/example-framework.js', import.meta.url));
/** Heartbeats come every 15 s, and some things are asked for again with one. */
const WAIT_MS_MAX = 60_000;

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
  await cluster.startMaster();
  await cluster.startAgent();
  await cluster.startAgent();
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);

interface MasterFramework {
  readonly id: string;
  readonly active: boolean;
  readonly tasks: readonly { readonly id: string; readonly slave_id: string; readonly state: string }[];
  readonly completed_tasks: readonly { readonly id: string }[];
}
interface MasterState {
  readonly slaves: readonly { readonly id: string; readonly pid: string }[];
  readonly frameworks: readonly MasterFramework[];
  readonly completed_frameworks: readonly { readonly id: string }[];
}
const masterState = async ({ master } = cluster): Promise<MasterState> =>
  (await (await fetch(`http://${master}/state`)).json()) as MasterState;

/** One instance of the framework, and what it has logged. */
class Instance {
  readonly daemon: DaemonProcess;

  constructor(daemon: DaemonProcess) {
    this.daemon = daemon;
  }

  async log(): Promise<readonly Record<string, unknown>[]> {
    const lines = (await readFile(this.daemon.logPath, 'utf8')).split('\n').slice(0, -1);
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Resolves when there is a line with these fields, after the first `from` lines; gives the last one. */
  async logged(fields: Record<string, unknown>, what: string, from = 0): Promise<Record<string, unknown>> {
    return await waitUntil(
      async () => {
        const lines = (await this.log()).slice(from);
        return lines.findLast((one) => Object.entries(fields).every(([key, value]) => one[key] === value)) ?? false;
      },
      { what, timeoutMs: WAIT_MS_MAX },
    );
  }

  async subscribedId(): Promise<string> {
    return String((await this.logged({ message: 'Subscribed' }, 'a subscription'))['frameworkId']);
  }

  /** Resolves to its exit status. */
  async ended(): Promise<number | null> {
    await waitUntil(() => this.daemon.hasEnded, { what: `${this.daemon.name} to end`, timeoutMs: WAIT_MS_MAX });
    return this.daemon.exitCode;
  }
}

/** The two tasks, when just these run. */
async function runningTasks(frameworkId: string): Promise<Record<'writer' | 'reader', { id: string; agent: string }>> {
  const { tasks } = (await waitUntil(
    async () => (await masterState()).frameworks.find(({ id }) => id === frameworkId) ?? false,
    {
      what: 'a writer and a reader to run',
      timeoutMs: WAIT_MS_MAX,
      until: (framework) =>
        framework !== false &&
        framework.active &&
        framework.tasks.length === 2 &&
        framework.tasks.every(({ state }) => state === 'TASK_RUNNING'),
    },
  )) as MasterFramework;
  const found = (kind: string): { id: string; agent: string } => {
    const task = tasks.find(({ id }) => id.startsWith(`${kind}-`));
    return { id: task?.id ?? `no ${kind}`, agent: task?.slave_id ?? '' };
  };
  return { writer: found('writer'), reader: found('reader') };
}

/** Resolves when the reader has printed a line of this writer. */
async function readerSees(frameworkId: string, readerId: string, writerId: string): Promise<void> {
  await waitUntil(
    async () => {
      const sandbox = await cluster.sandbox(frameworkId, readerId);
      return sandbox === undefined ? '' : ((await readTextIfThere(join(sandbox, 'stdout'))) ?? '');
    },
    {
      what: `the reader ${readerId} to see what ${writerId} wrote`,
      timeoutMs: WAIT_MS_MAX,
      until: (stdout) => new RegExp(`^line \\d+ of ${writerId}$`, 'm').test(stdout),
    },
  );
}

/** Ends the shell of the task's command with SIGKILL. */
async function killShellOf(taskId: string): Promise<void> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  let killedCount = 0;
  for (const pid of pids) {
    const text = await readTextIfThere(join('/proc', pid, 'cmdline'), ['ESRCH']);
    const [shell = '', flag = '', command = ''] = text?.split('\0') ?? [];
    if (!/(^|\/)sh$/.test(shell) || flag !== '-c' || !command.includes(`of ${taskId}"`)) continue;
    process.kill(Number(pid), 'SIGKILL');
    killedCount += 1;
  }
  expect(killedCount).toBe(1);
}

async function restartMaster(): Promise<void> {
  const port = cluster.master.split(':').at(-1);
  await cluster.masterDaemon.stop();
  await cluster.startMaster([`--port=${port}`]);
}

/** Several restarts, each of which may have to wait for a heartbeat. */
const timeout = 300_000;

describe('the example framework', { tags: ['root'] }, () => {
  it.each([
    ['json', 'rexray-ebs'],
    ['protobuf', 'flocker'],
  ])(
    'keeps a writer and a reader alive through ends, restarts and failovers, in %s over %s',
    async (contentType, profile) => {
      const driver = `shared-${contentType}`;
      await startTestDriver(cluster, driver, { profile });
      const stateDir = join(cluster.directory, `state-${contentType}`);
      let instanceCount = 0;
      const start = async (...more: readonly string[]): Promise<Instance> => {
        instanceCount += 1;
        const flags = [`--master=${cluster.master}`, `--content_type=${contentType}`, `--driver=${driver}`];
        const argv = [process.execPath, BIN, ...flags, '--volume=v1', `--state_dir=${stateDir}`, '--json', ...more];
        return new Instance(await cluster.startProgram(`framework-${contentType}-${instanceCount}`, argv));
      };

      const first = await start();
      const frameworkId = await first.subscribedId();
      const begun = await runningTasks(frameworkId);
      expect(begun.writer.agent).not.toBe(begun.reader.agent);
      await readerSees(frameworkId, begun.reader.id, begun.writer.id);

      // A task that ends is launched again, and the other one goes on.
      await killShellOf(begun.writer.id);
      await first.logged({ taskId: begun.writer.id, state: 'TASK_FAILED' }, 'the end of the writer');
      const tasks = await runningTasks(frameworkId);
      expect(tasks.writer.id).not.toBe(begun.writer.id);
      expect(tasks.reader).toEqual(begun.reader);
      await readerSees(frameworkId, tasks.reader.id, tasks.writer.id);

      // A master that knows nothing: the same framework, and the same tasks.
      await restartMaster();
      await waitUntil(async () => (await first.log()).filter(({ message }) => message === 'Subscribed').length, {
        what: 'a second subscription',
        timeoutMs: WAIT_MS_MAX,
        until: (count) => count === 2,
      });
      expect(await first.subscribedId()).toBe(frameworkId);
      expect(await runningTasks(frameworkId)).toEqual(tasks);

      // An instance that dies without a word.
      first.daemon.kill('SIGKILL');
      await first.ended();
      const second = await start();
      expect(await second.subscribedId()).toBe(frameworkId);
      for (const { id: taskId } of [tasks.writer, tasks.reader]) {
        await second.logged({ message: 'Update', taskId, state: 'TASK_RUNNING' }, `${taskId} to be reconciled`);
      }

      // A second instance takes over, and the one before says so.
      const third = await start();
      expect(await second.ended()).toBe(1);
      expect(await readFile(second.daemon.logPath, 'utf8')).toContain(
        `Framework failed over: another instance has subscribed with framework id ${frameworkId}`,
      );
      expect(await third.subscribedId()).toBe(frameworkId);

      // One that is told to end leaves its tasks, unless it is told not to.
      third.daemon.kill('SIGTERM');
      expect(await third.ended()).toBe(0);
      const last = await start('--teardown');
      expect(await last.subscribedId()).toBe(frameworkId);
      expect(await runningTasks(frameworkId)).toEqual(tasks);
      const { frameworks } = await masterState();
      expect(frameworks.find(({ id }) => id === frameworkId)?.completed_tasks).toEqual([]);
      last.daemon.kill('SIGTERM');
      expect(await last.ended()).toBe(0);
      expect((await masterState()).completed_frameworks.map(({ id }) => id)).toContain(frameworkId);
      expect(await readdir(stateDir)).toEqual([]);
      await assertNothingLeft(cluster);
    },
  );

  it('lets both tasks share the only agent there is', { timeout }, async () => {
    await using small = await startTestCluster();
    // As the README has it: the defaults are convoy and myvolume.
    await small.startConvoy();
    const flags = [`--master=${small.master}`, '--teardown', '--json'];
    const argv = [process.execPath, BIN, ...flags, `--state_dir=${join(small.directory, 'state')}`];
    const instance = new Instance(await small.startProgram('framework', argv));
    for (const kind of ['writer', 'reader']) {
      await instance.logged({ message: 'Update', kind, state: 'TASK_RUNNING' }, `the ${kind} to run`);
    }
    instance.daemon.kill('SIGTERM');
    expect(await instance.ended()).toBe(0);
    await assertNothingLeft(small);
  });

  it('launches a task of a lost agent elsewhere, and kills it when the agent comes back', { timeout }, async () => {
    await using lossy = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
    await lossy.startMaster(['--agent_ping_timeout=1secs', '--max_agent_ping_timeouts=5']);
    await lossy.startAgent();
    await lossy.startAgent();
    await startTestDriver(lossy, 'lossy', { profile: 'flocker' });
    const flags = [`--master=${lossy.master}`, '--driver=lossy', '--teardown', '--json'];
    const argv = [process.execPath, BIN, ...flags, `--state_dir=${join(lossy.directory, 'state')}`];
    const instance = new Instance(await lossy.startProgram('framework', argv));
    await instance.logged({ message: 'Update', kind: 'reader', state: 'TASK_RUNNING' }, 'the reader to run');
    const writer = await instance.logged(
      { message: 'Update', kind: 'writer', state: 'TASK_RUNNING' },
      'the writer to run',
    );
    const { agentId } = await instance.logged({ message: 'Launching', taskId: writer['taskId'] }, 'its launch');
    const { slaves } = await masterState(lossy);
    const pid = slaves.find(({ id }) => id === agentId)?.pid;
    const agent = lossy.agents.find(({ address }) => pid?.endsWith(`@${address}`));
    if (agent === undefined)
      throw new Error(`Expected an agent ${String(agentId)}, there are ${JSON.stringify(slaves)}`);

    const seenCount = (await instance.log()).length;
    agent.daemon.kill('SIGKILL');
    const { taskId } = writer;
    await instance.logged({ taskId, state: 'TASK_UNREACHABLE' }, 'the agent to be lost', seenCount);
    const next = await instance.logged({ message: 'Launching', kind: 'writer' }, 'another writer', seenCount);
    expect(next['agentId']).not.toBe(agentId);
    await instance.logged({ taskId: next['taskId'], state: 'TASK_RUNNING' }, 'the other writer to run');
    await lossy.restartAgent(agent);
    await instance.logged({ message: 'Killing what is not needed', taskId }, 'the first writer back');
    await waitUntil(
      async () => (await masterState(lossy)).frameworks.flatMap(({ tasks }) => tasks.map(({ id }) => id)),
      {
        what: 'the first writer to be gone',
        timeoutMs: WAIT_MS_MAX,
        until: (ids) => ids.length === 2 && !ids.includes(String(taskId)),
      },
    );
    instance.daemon.kill('SIGTERM');
    expect(await instance.ended()).toBe(0);
    await assertNothingLeft(lossy);
  });
});
