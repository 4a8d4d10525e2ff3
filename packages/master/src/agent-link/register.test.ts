import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.ts';
import {
  aKnownTask,
  ScriptedAgent,
  ScriptedFramework,
  serveMaster,
  SilentAgent,
  type ServedMaster,
} from '../testing/scripted-peers.ts';

const PING_TIMEOUT_MS = 1_000;

let clock: ManualClock;
let served: ServedMaster;
let stack: AsyncDisposableStack;
beforeEach(async () => {
  clock = new ManualClock();
  stack = new AsyncDisposableStack();
  served = stack.use(await serveMaster({ clock, agentPingTimeoutMs: PING_TIMEOUT_MS }));
});
afterEach(async () => {
  await stack.disposeAsync();
});

describe('two agents', () => {
  it('are offered side by side, with their resources and attributes of every type', async () => {
    const attributes = [
      { name: 'weight', type: 'SCALAR' as const, scalar: { value: 1.5 } },
      { name: 'ports', type: 'RANGES' as const, ranges: { range: [{ begin: 1, end: 2 }] } },
      { name: 'disks', type: 'SET' as const, set: { item: ['sda', 'sdb'] } },
      { name: 'rack', type: 'TEXT' as const, text: { value: 'r1' } },
    ];
    await using framework = await ScriptedFramework.subscribe(served.address);
    const first = stack.use(
      await ScriptedAgent.register(served.address, {
        pid: 'slave(1)@[::1]:5051',
        info: { attributes },
        resources: 'cpus:2',
      }),
    );
    const second = stack.use(
      await ScriptedAgent.register(served.address, { pid: 'slave(1)@10.0.0.2:5052', resources: 'cpus:3;mem:64' }),
    );
    const offers = await waitUntil(
      () => {
        const all = framework.events.flatMap((event) => event.offers?.offers ?? []);
        return all.length === 2 ? all : undefined;
      },
      { what: 'both offers' },
    );
    const byAgent = new Map(offers?.map((offer) => [offer.agent_id.value, offer]));
    expect(byAgent.get(first.id)).toMatchObject({
      attributes,
      resources: [{ name: 'cpus', scalar: { value: 2 } }],
      url: { address: { hostname: 'agent-host', ip: '::1', port: 5051 } },
    });
    expect(byAgent.get(second.id)).toMatchObject({ url: { address: { ip: '10.0.0.2', port: 5052 } } });
  });

  it('cannot be at one address: the one that is there stays', async () => {
    const pid = 'slave(1)@127.0.0.1:5999';
    const first = stack.use(await SilentAgent.register(served.address, { pid }));
    await first.told('REGISTERED');
    await expect(SilentAgent.register(served.address, { pid })).rejects.toThrow(
      `409 Agent ${first.id} is registered at ${pid}`,
    );
    expect(served.master.registry.agents.has(first.id)).toBe(true);
  });

  it('one after the other at one address: the tasks of the first are over', async () => {
    const pid = 'slave(1)@127.0.0.1:5999';
    await using framework = await ScriptedFramework.subscribe(served.address);
    const first = await SilentAgent.register(served.address, { pid });
    await framework.launch('t1');
    await first.told('RUN_TASK');
    await first[Symbol.asyncDispose]();
    await waitUntil(() => served.master.registry.agents.get(first.id)?.channel === undefined, { what: 'the loss' });
    const second = stack.use(await SilentAgent.register(served.address, { pid }));
    await second.told('REGISTERED');
    expect(second.id).not.toBe(first.id);
    expect((await framework.status('t1', 'TASK_LOST')).message).toBe(
      'Agent agent-host removed: a new agent registered at the same address',
    );
  });

  it.each([
    ['another host name', { hostname: 'other' }],
    ['another address', { pid: 'slave(1)@10.1.1.1:5051' }],
  ])('are not one: %s under the id of the first is refused', async (_, options) => {
    const first = stack.use(await SilentAgent.register(served.address));
    await first.told('REGISTERED');
    const other = stack.use(await SilentAgent.register(served.address, { id: first.id, ...options }));
    expect((await other.told('ERROR')).error.message).toBe(
      'Agent attempted to reregister with different IP / hostname',
    );
    expect(first.isEnded).toBe(false);
  });
});

describe('an agent of an earlier master', () => {
  it('brings its tasks and frameworks; these have the time to come back that agents have', async () => {
    const id = { value: 'earlier-0000' };
    const agent = stack.use(
      await SilentAgent.register(served.address, {
        id: 'earlier-S0',
        frameworks: [{ user: 'root', name: 'f', id }],
        tasks: [aKnownTask(id, 'earlier-S0', 'TASK_RUNNING')],
      }),
    );
    await agent.told('REGISTERED');
    const { registry } = served.master;
    expect(registry.frameworks.get(id.value)).toMatchObject({ isRecovered: true });
    await clock.advance(PING_TIMEOUT_MS);
    expect(registry.frameworks.has(id.value)).toBe(true);
    await using framework = await ScriptedFramework.subscribe(served.address, { id, failover_timeout: 1 });
    expect(framework.id).toEqual(id);
    expect(registry.frameworks.get(id.value)).toMatchObject({ isRecovered: false });
    await framework.call({ type: 'RECONCILE', reconcile: {} });
    expect((await framework.status('t1', 'TASK_RUNNING')).reason).toBe('REASON_RECONCILIATION');
  });

  it('has them removed when they do not come back', async () => {
    const id = { value: 'earlier-0000' };
    await using other = await serveMaster({ clock, agentPingTimeoutMs: 3_600_000, agentReregisterTimeoutMs: 5_000 });
    await using agent = await SilentAgent.register(other.address, {
      id: 'earlier-S0',
      frameworks: [{ user: 'root', name: 'f', id, failover_timeout: 7 }],
      tasks: [aKnownTask(id, 'earlier-S0', 'TASK_RUNNING')],
    });
    await agent.told('REGISTERED');
    await clock.advance(6_999);
    expect(other.master.registry.frameworks.has(id.value)).toBe(true);
    await clock.advance(1);
    expect(other.master.registry.completedFrameworks.has(id.value)).toBe(true);
    expect((await agent.told('SHUTDOWN_FRAMEWORK')).shutdown_framework).toEqual({ framework_id: id });
  });
});
