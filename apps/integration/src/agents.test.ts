import { waitUntil } from '@drydock/base/wait-until';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY, type StartedAgentProcess } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LastingFramework } from './testing/lasting-framework.ts';

const PINGS = ['--agent_ping_timeout=1secs', '--max_agent_ping_timeouts=2'];
const tags = ['root'];

let cluster: LocalCluster;
let first: StartedAgentProcess;
let second: StartedAgentProcess;
let framework: LastingFramework;
beforeAll(async () => {
  cluster = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
  await cluster.startMaster(PINGS);
  first = await cluster.startAgent({
    flags: ['--attributes=rack:r1;level:3;ports:[1-2,4-5]', '--resources=cpus:1;mem:256'],
  });
  second = await cluster.startAgent({ flags: ['--ip=0.0.0.0', '--attributes=rack:r2', '--resources=cpus:2;mem:512'] });
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);
beforeEach(() => {
  framework = new LastingFramework(cluster.master);
});
afterEach(async () => {
  await framework.call({ type: 'TEARDOWN' });
  await framework[Symbol.asyncDispose]();
});

interface State {
  readonly unreachable_slaves: number;
  readonly slaves: readonly {
    readonly id: string;
    readonly pid: string;
    readonly attributes: unknown;
    readonly resources: unknown;
  }[];
}

async function state(): Promise<State> {
  return (await (await fetch(`http://${cluster.master}/state`)).json()) as State;
}

async function idOf({ address }: StartedAgentProcess): Promise<string> {
  const { slaves } = await state();
  return slaves.find(({ pid }) => pid === `slave(1)@${address}`)?.id ?? `no agent at ${address}`;
}

const ended = async ({ daemon }: StartedAgentProcess): Promise<number | null> => {
  await waitUntil(() => daemon.hasEnded, { what: `${daemon.name} to end`, timeoutMs: 15_000 });
  return daemon.exitCode;
};

describe('two agents on one machine', { tags }, () => {
  it('show what each is and has, and where it can be reached', async () => {
    await framework.subscribe();
    const { slaves } = await state();
    expect(slaves.map(({ attributes }) => attributes)).toEqual([
      { rack: 'r1', level: 3, ports: '[1-2, 4-5]' },
      { rack: 'r2' },
    ]);
    expect(slaves.map(({ resources }) => resources)).toMatchObject([
      { cpus: 1, mem: 256 },
      { cpus: 2, mem: 512 },
    ]);
    for (const { pid } of slaves) expect(pid).not.toContain('0.0.0.0');
    const response = await fetch(`http://${second.address}/health`);
    expect(response.status).toBe(200);
  });
});

describe('an agent that is stopped with SIGSTOP', { tags }, () => {
  it('is unreachable though its connection stays, and comes back with its task when it goes on', async () => {
    await framework.subscribe({ capabilities: [{ type: 'PARTITION_AWARE' }] });
    const id = await idOf(first);
    await framework.launch(id, 'sleeper', 'sleep 1000');
    await framework.status('sleeper', 'TASK_RUNNING');
    first.daemon.kill('SIGSTOP');
    const status = await framework.status('sleeper', 'TASK_UNREACHABLE');
    expect([status.reason, status.message]).toEqual(['REASON_AGENT_REMOVED', 'health check timed out']);
    expect((await framework.next('FAILURE')).failure).toEqual({ agent_id: { value: id } });
    expect((await state()).unreachable_slaves).toBe(1);
    const seen = framework.events.length;
    first.daemon.kill('SIGCONT');
    expect((await framework.status('sleeper', 'TASK_RUNNING', seen)).reason).toBe('REASON_AGENT_REREGISTERED');
    expect(await idOf(first)).toBe(id);
    await framework.call({ type: 'KILL', kill: { task_id: { value: 'sleeper' } } });
    await framework.status('sleeper', 'TASK_KILLED', seen);
  });
});

describe('a master that is restarted', { tags }, () => {
  it('gets its agents back under their ids, and their tasks', async () => {
    await framework.subscribe();
    const ids = [await idOf(first), await idOf(second)];
    await framework.launch(ids[1] ?? '', 'survivor', 'sleep 1000');
    await framework.status('survivor', 'TASK_RUNNING');
    const port = cluster.master.split(':').at(-1);
    await cluster.masterDaemon.stop();
    await cluster.startMaster([...PINGS, `--port=${port}`]);
    await waitUntil(async () => (await state()).slaves.length === 2, { what: 'both agents', timeoutMs: 20_000 });
    expect([await idOf(first), await idOf(second)]).toEqual(ids);
    const seen = framework.events.length;
    await framework.subscribe();
    await framework.call({ type: 'RECONCILE', reconcile: {} });
    expect((await framework.status('survivor', 'TASK_RUNNING', seen)).reason).toBe('REASON_RECONCILIATION');
    await framework.call({
      type: 'SHUTDOWN',
      shutdown: { executor_id: { value: 'survivor' }, agent_id: { value: ids[1] } },
    });
    await framework.status('survivor', 'TASK_KILLED', seen);
  });
});

describe('an agent that gets SIGTERM', { tags }, () => {
  it('ends its tasks, says so, and leaves', async () => {
    const agent = await cluster.startAgent();
    await framework.subscribe();
    const id = await idOf(agent);
    await framework.launch(id, 'ending', 'sleep 1000');
    await framework.status('ending', 'TASK_RUNNING');
    agent.daemon.kill('SIGTERM');
    await framework.status('ending', 'TASK_KILLED');
    expect(await ended(agent)).toBe(0);
    expect((await state()).slaves.map((one) => one.id)).not.toContain(id);
    expect((await state()).unreachable_slaves).toBe(0);
  });

  it('twice does not wait for anything', async () => {
    const agent = await cluster.startAgent({ flags: ['--executor_shutdown_grace_period=10mins'] });
    await framework.subscribe({ capabilities: [{ type: 'TASK_KILLING_STATE' }] });
    await framework.launch(await idOf(agent), 'stubborn', "trap '' TERM; while true; do sleep 1; done");
    await framework.status('stubborn', 'TASK_RUNNING');
    agent.daemon.kill('SIGTERM');
    await framework.status('stubborn', 'TASK_KILLING');
    agent.daemon.kill('SIGTERM');
    expect(await ended(agent)).toBe(1);
    await framework.status('stubborn', 'TASK_LOST');
  });
});

describe('an agent that is ended with SIGKILL', { tags }, () => {
  it('is unreachable, and its task is not there for ever', async () => {
    await framework.subscribe();
    const id = await idOf(second);
    await framework.launch(id, 'lost', 'sleep 1000');
    await framework.status('lost', 'TASK_RUNNING');
    second.daemon.kill('SIGKILL');
    expect(await framework.status('lost', 'TASK_LOST')).toMatchObject({
      agent_id: { value: id },
      reason: 'REASON_AGENT_REMOVED',
    });
    expect((await state()).slaves.map((one) => one.id)).not.toContain(id);
  });
});
