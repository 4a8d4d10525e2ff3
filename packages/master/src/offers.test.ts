import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refuseSecondsOf } from './offers.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { ScriptedFramework, serveMaster, SilentAgent, type ServedMaster } from './testing/scripted-peers.ts';

const INTERVAL_MS = 1_000;

let stack: AsyncDisposableStack;
let clock: ManualClock;
let served: ServedMaster;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  clock = new ManualClock();
  served = stack.use(
    await serveMaster({ clock, allocationIntervalMs: INTERVAL_MS, agentPingTimeoutMs: 1e9, offerTimeoutMs: 60_000 }),
  );
});
afterEach(async () => {
  await stack.disposeAsync();
});

const MULTI_ROLE = { capabilities: [{ type: 'MULTI_ROLE' }] };
const register = async (resources?: string): Promise<SilentAgent> =>
  stack.use(await SilentAgent.register(served.address, resources === undefined ? {} : { resources }));
const subscribe = async (info: Record<string, unknown> = {}, rest: Record<string, unknown> = {}) =>
  stack.use(await ScriptedFramework.subscribe(served.address, info, rest));

/** Offers that came since the `from`th event, as role and resources. */
function offersOf(framework: ScriptedFramework, from = 0): string[] {
  return framework.events
    .slice(from)
    .flatMap((event) =>
      (event.offers?.offers ?? []).map(
        (offer) =>
          `${offer.allocation_info?.role}: ${offer.resources.map(({ name, role }) => `${name}(${role})`).join(' ')}`,
      ),
    );
}

async function decline(framework: ScriptedFramework, refuseSeconds?: number): Promise<void> {
  const offerIds = [...(served.master.registry.frameworks.get(framework.id.value)?.offers.keys() ?? [])];
  const filters = refuseSeconds === undefined ? {} : { filters: { refuse_seconds: refuseSeconds } };
  await framework.call({ type: 'DECLINE', decline: { offer_ids: offerIds.map((value) => ({ value })), ...filters } });
}

describe('refuse_seconds', () => {
  it.each([
    [undefined, 5],
    [0, 0],
    [0.5, 0.5],
    [-1, 5],
    [Number.NaN, 5],
    [-Infinity, 5],
    [Infinity, 31_536_000],
    [1e300, 31_536_000],
  ])('of %s is taken as %s', (seconds, expected) => {
    expect(refuseSecondsOf(seconds === undefined ? {} : { refuse_seconds: seconds })).toBe(expected);
  });

  it('keeps what was declined away for as long, and for one allocation at least', async () => {
    const framework = await subscribe();
    await register();
    await framework.next('OFFERS');
    for (const [seconds, waitMs] of [
      [10, 10_000],
      [0.001, INTERVAL_MS],
    ] as const) {
      const seen = framework.events.length;
      await decline(framework, seconds);
      await clock.advance(waitMs - 1);
      expect(offersOf(framework, seen)).toEqual([]);
      await clock.advance(INTERVAL_MS + 1);
      await framework.next('OFFERS', seen);
    }
  });

  it('of 0 brings the resources back with the next allocation, not faster', async () => {
    const framework = await subscribe();
    await register();
    await framework.next('OFFERS');
    const seen = framework.events.length;
    await decline(framework, 0);
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect([record?.offers.size, record?.filters.count]).toEqual([0, 0]);
    await clock.advance(INTERVAL_MS);
    await framework.next('OFFERS', seen);
  });

  it('does not hold back more than was declined', async () => {
    const framework = await subscribe();
    const agent = await register('cpus:4;mem:1024');
    await framework.launch('t1');
    await agent.told('RUN_TASK');
    const seen = framework.events.length;
    // What the launch left is filtered; the end of the task frees more than that.
    const status = { task_id: { value: 't1' }, state: 'TASK_FINISHED' as const, uuid: Buffer.alloc(16, 1) };
    await agent.call({ type: 'UPDATE_STATUS', update_status: { framework_id: framework.id, status } });
    expect((await framework.next('OFFERS', seen)).offers.offers[0].resources).toMatchObject([
      { name: 'cpus', scalar: { value: 4 } },
      { name: 'mem' },
    ]);
  });

  it('leaves nothing behind: 10,000 filters of agents that are gone', async () => {
    const framework = await subscribe();
    const record = served.master.registry.frameworks.get(framework.id.value);
    const agent = await register();
    await agent.told('REGISTERED');
    for (let count = 0; count < 10_000; count += 1) {
      const resources = [{ name: 'cpus', type: 'SCALAR' as const, scalar: { value: count % 100 } }];
      record?.filters.add('*', agent.id, { untilMs: clock.now() + count, resources }, clock.now());
    }
    expect(record?.filters.count).toBeLessThanOrEqual(16);
    await agent.call({ type: 'UNREGISTER' });
    expect(record?.filters.count).toBe(0);
  });
});

describe('an offer', () => {
  it('is rescinded after --offer_timeout, and made again', async () => {
    const framework = await subscribe();
    await register();
    const [offer] = (await framework.next('OFFERS')).offers.offers;
    await clock.advance(59_999);
    expect(framework.events.filter(({ type }) => type === 'RESCIND')).toEqual([]);
    const seen = framework.events.length;
    await clock.advance(1);
    expect((await framework.next('RESCIND')).rescind.offer_id).toEqual(offer.id);
    expect((await framework.next('OFFERS', seen)).offers.offers[0].id).not.toEqual(offer.id);
  });

  it('that was answered in time is not rescinded', async () => {
    const framework = await subscribe();
    await register();
    await framework.launch('t1');
    await framework.call({ type: 'SUPPRESS' });
    await clock.advance(200_000);
    expect(framework.events.filter(({ type }) => type === 'RESCIND')).toEqual([]);
  });

  it('has no allocation for a framework from before MULTI_ROLE', async () => {
    const framework = await subscribe({ role: 'web' });
    await register();
    const [offer] = (await framework.next('OFFERS')).offers.offers;
    expect(offer).not.toHaveProperty('allocation_info');
    expect(offer.resources[0]).not.toHaveProperty('allocation_info');
  });

  it('carries its role for one with MULTI_ROLE, and the task gets it', async () => {
    const framework = await subscribe({ ...MULTI_ROLE, roles: ['web'] });
    const agent = await register();
    const [offer] = (await framework.next('OFFERS')).offers.offers;
    expect(offer.allocation_info).toEqual({ role: 'web' });
    expect(offer.resources.map(({ allocation_info: info }: { allocation_info: unknown }) => info)).toEqual([
      { role: 'web' },
      { role: 'web' },
    ]);
    await framework.launch('t1');
    expect((await agent.told('RUN_TASK')).run_task.task.resources[0].allocation_info).toEqual({ role: 'web' });
  });

  it('names reservations in place of roles for a framework with RESERVATION_REFINEMENT, and takes them back', async () => {
    const framework = await subscribe({ role: 'web', capabilities: [{ type: 'RESERVATION_REFINEMENT' }] });
    const agent = await register('cpus(web):2;mem:512');
    const [offer] = (await framework.next('OFFERS')).offers.offers;
    expect(offer.resources).toEqual([
      { name: 'cpus', type: 'SCALAR', scalar: { value: 2 }, reservations: [{ type: 'STATIC', role: 'web' }] },
      { name: 'mem', type: 'SCALAR', scalar: { value: 512 } },
    ]);
    const task = { name: 't', task_id: { value: 't' }, agent_id: offer.agent_id, command: { value: 'true' } };
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [{ ...task, resources: offer.resources }] } }];
    await framework.call({ type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
    expect((await agent.told('RUN_TASK')).run_task.task.resources).toMatchObject([{ role: 'web' }, { name: 'mem' }]);
  });

  it('goes to the framework and the role that hold least', async () => {
    const first = await subscribe({ ...MULTI_ROLE, roles: ['a', 'b'] });
    const second = await subscribe({ role: 'c' });
    for (let count = 0; count < 3; count += 1) await register('cpus:4;mem:1024');
    await waitUntil(() => offersOf(first).length + offersOf(second).length === 3, { what: 'three offers' });
    expect(offersOf(first).map((text) => text.slice(0, 1))).toEqual(['a', 'b']);
    expect(offersOf(second)).toHaveLength(1);
  });

  it('leaves what is reserved to its role and those below it', async () => {
    const below = await subscribe({ role: 'eng/dev' });
    await register('cpus(eng):2;mem(eng):512;cpus:1;mem(ops):256');
    await below.next('OFFERS');
    expect(offersOf(below)).toEqual(['undefined: cpus(eng) mem(eng) cpus(*)']);
    const ops = await subscribe({ role: 'ops' });
    await ops.next('OFFERS');
    expect(offersOf(ops)).toEqual(['undefined: mem(ops)']);
  });

  it('has at least what the framework wants to be offered', async () => {
    const quantities = [{ quantities: { cpus: { value: 8 } } }, { quantities: { mem: { value: 4096 } } }];
    const framework = await subscribe({ offer_filters: { '*': { min_allocatable_resources: { quantities } } } });
    await register('cpus:4;mem:1024');
    const large = await register('cpus:1;mem:4096');
    await large.told('REGISTERED');
    const [offer] = (await framework.next('OFFERS')).offers.offers;
    expect(offer.agent_id.value).toBe(large.id);
    expect(offersOf(framework)).toHaveLength(1);
  });

  it('is not made of less than a task could use, unless the framework takes anything', async () => {
    const choosy = await subscribe();
    await register('cpus:0.001;mem:16');
    await clock.advance(INTERVAL_MS);
    expect(offersOf(choosy)).toEqual([]);
    const modest = await subscribe({ offer_filters: { '*': { min_allocatable_resources: {} } } });
    await modest.next('OFFERS');
    expect(offersOf(modest)).toHaveLength(1);
  });
});

describe('roles', () => {
  it('are suppressed and revived one by one', async () => {
    const framework = await subscribe({ ...MULTI_ROLE, roles: ['a', 'b'] }, { suppressed_roles: ['a'] });
    await register();
    await framework.next('OFFERS');
    expect(offersOf(framework)).toEqual(['b: cpus(*) mem(*)']);
    await framework.call({ type: 'SUPPRESS', suppress: { roles: ['b'] } });
    await decline(framework, 0);
    let seen = framework.events.length;
    await clock.advance(INTERVAL_MS);
    expect(offersOf(framework, seen)).toEqual([]);
    await framework.call({ type: 'REVIVE', revive: { roles: ['a', 'not its own'] } });
    await clock.advance(INTERVAL_MS);
    expect(offersOf(framework, seen)).toEqual([]);
    seen = framework.events.length;
    await framework.call({ type: 'REVIVE', revive: { roles: ['a'] } });
    await framework.next('OFFERS', seen);
    expect(offersOf(framework, seen)).toEqual(['a: cpus(*) mem(*)']);
  });

  it('have filters of their own, which REVIVE ends', async () => {
    const framework = await subscribe({ ...MULTI_ROLE, roles: ['a', 'b'] });
    await register();
    await framework.next('OFFERS');
    let seen = framework.events.length;
    await decline(framework, 3600);
    await framework.next('OFFERS', seen);
    expect(offersOf(framework, seen)).toEqual(['b: cpus(*) mem(*)']);
    seen = framework.events.length;
    await decline(framework, 3600);
    await clock.advance(INTERVAL_MS);
    expect(offersOf(framework, seen)).toEqual([]);
    await framework.call({ type: 'REVIVE' });
    await framework.next('OFFERS', seen);
  });

  it('may be none: such a framework gets no offers', async () => {
    const framework = await subscribe(MULTI_ROLE);
    await register();
    await clock.advance(INTERVAL_MS);
    expect(offersOf(framework)).toEqual([]);
  });
});
