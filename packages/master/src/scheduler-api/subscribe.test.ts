import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.ts';
import { post, ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';

let clock: ManualClock;
let served: ServedMaster;
beforeEach(async () => {
  clock = new ManualClock();
  served = await serveMaster({ clock, roles: ['*', 'web', 'db', 'eng/dev'], isRootAllowed: false });
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
});

const MULTI_ROLE = [{ type: 'MULTI_ROLE' }];

/** The only event of a subscription that is refused. */
async function refusalOf(info: Record<string, unknown>, rest: Record<string, unknown> = {}): Promise<unknown> {
  const { id } = info;
  const response = await post(served.address, {
    type: 'SUBSCRIBE',
    ...(id === undefined ? {} : { framework_id: id }),
    subscribe: { framework_info: { user: 'me', name: 'f', ...info }, ...rest },
  });
  expect([response.status, response.headers.has('mesos-stream-id')]).toEqual([200, true]);
  const [, event = ''] = /^\d+\n(.*)$/s.exec(await response.text()) ?? [];
  return JSON.parse(event);
}

describe('SUBSCRIBE', () => {
  it.each([
    [
      'a role of a MULTI_ROLE framework',
      { role: 'web', capabilities: MULTI_ROLE },
      "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
    ],
    [
      'roles without MULTI_ROLE',
      { roles: ['web'] },
      "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
    ],
    [
      'a role twice',
      { roles: ['web', 'db', 'web'], capabilities: MULTI_ROLE },
      "'FrameworkInfo.roles' contains duplicate items: { web }",
    ],
    [
      'a bad name among roles',
      { roles: ['web', '/x'], capabilities: MULTI_ROLE },
      "'FrameworkInfo.roles' contains invalid role: Role '/x' cannot start with a slash",
    ],
    [
      'a bad name',
      { role: 'a b' },
      "'FrameworkInfo.role' is not a valid role: Role component 'a b' is invalid because it contains backspace or whitespace",
    ],
    ['an unlisted role', { role: 'ops' }, "Roles { ops } are not present in the master's --roles"],
    [
      'root where it may not',
      { user: 'root' },
      "User 'root' is not allowed to run frameworks without --root_submissions set",
    ],
    ['an endless failover', { failover_timeout: 1e20 }, 'The framework failover_timeout (1e+20) is invalid'],
    [
      'a filter without a quantity',
      { offer_filters: { '*': { min_allocatable_resources: { quantities: [{ quantities: {} }] } } } },
      'Resource quantities must contain at least one quantity',
    ],
    [
      'a negative quantity',
      {
        offer_filters: {
          '*': { min_allocatable_resources: { quantities: [{ quantities: { cpus: { value: -1 } } }] } },
        },
      },
      "Invalid resource quantity for 'cpus': Negative values not supported",
    ],
  ])('is refused to %s', async (_, info, message) => {
    expect(await refusalOf(info)).toEqual({ type: 'ERROR', error: { message } });
    expect(served.master.registry.frameworks.size).toBe(0);
  });

  it('is refused when it suppresses a role that the framework does not have', async () => {
    const refusal = await refusalOf({ role: 'web' }, { suppressed_roles: ['db', '*'] });
    const message = 'Suppressed roles { *, db } are not contained in the set of roles';
    expect(refusal).toEqual({ type: 'ERROR', error: { message } });
  });

  it('is refused to a framework that wants offers of some agents only', async () => {
    const constraints = { role_constraints: { '*': { groups: [{ attribute_constraints: [] }] } } };
    expect(await refusalOf({}, { offer_constraints: constraints })).toEqual({
      type: 'ERROR',
      error: { message: 'Offer constraints are not supported' },
    });
    expect(await refusalOf({ role: 'x' }, { offer_constraints: {} })).not.toMatchObject({
      error: { message: 'Offer constraints are not supported' },
    });
  });

  it('is refused under the id of a framework that was removed', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address, { user: 'me' });
    await framework.call({ type: 'TEARDOWN' });
    expect(await refusalOf({ id: framework.id })).toEqual({
      type: 'ERROR',
      error: { message: 'Framework has been removed' },
    });
  });

  it('with an unknown id makes a framework of it', async () => {
    const id = { value: 'of-an-earlier-master' };
    await using framework = await ScriptedFramework.subscribe(served.address, { user: 'me', id });
    expect(framework.id).toEqual(id);
  });

  it('with a known id fails over: error on the old stream, offers silently gone, user and checkpoint kept', async () => {
    await using first = await ScriptedFramework.subscribe(served.address, { user: 'me', failover_timeout: 60 });
    await using _agent = await ScriptedAgent.register(served.address);
    const [offer] = (await first.next('OFFERS')).offers.offers;
    await using second = await ScriptedFramework.subscribe(served.address, {
      user: 'you',
      checkpoint: true,
      id: first.id,
      failover_timeout: 60,
    });
    expect((await first.next('ERROR')).error).toEqual({ message: 'Framework failed over' });
    await waitUntil(() => first.isEnded, { what: 'the old stream to end' });
    expect(first.events.filter(({ type }) => type === 'RESCIND')).toEqual([]);
    const [again] = (await second.next('OFFERS')).offers.offers;
    expect(again.id).not.toEqual(offer.id);
    const record = served.master.registry.frameworks.get(first.id.value);
    expect(record?.info).toMatchObject({ user: 'me', checkpoint: false, failover_timeout: 60 });
    const stale = await first.call({ type: 'REVIVE' });
    expect([stale.status, await stale.text()]).toEqual([
      400,
      `The stream ID '${first.streamId}' included in this request didn't match the stream ID currently associated with framework ID ${first.id.value}`,
    ]);
  });

  it('with a known id and another principal is refused, and the framework stays', async () => {
    const info = { user: 'me', principal: 'a', failover_timeout: 60 };
    await using framework = await ScriptedFramework.subscribe(served.address, info);
    expect(await refusalOf({ ...info, id: framework.id, principal: 'b' })).toEqual({
      type: 'ERROR',
      error: { message: "Changing framework's principal is not allowed." },
    });
    expect((await framework.call({ type: 'REVIVE' })).status).toBe(202);
  });

  it('is awaited for the failover_timeout, however long that is', async () => {
    const own = new ManualClock();
    await using patient = await serveMaster({ clock: own, allocationIntervalMs: 1e12 });
    const framework = await ScriptedFramework.subscribe(patient.address, { failover_timeout: 3_000_000 });
    const { registry } = patient.master;
    await framework[Symbol.asyncDispose]();
    await waitUntil(() => registry.frameworks.get(framework.id.value)?.channel === undefined, { what: 'the loss' });
    await own.advance(2_999_999_999);
    expect(registry.frameworks.has(framework.id.value)).toBe(true);
    await own.advance(1);
    expect(registry.completedFrameworks.has(framework.id.value)).toBe(true);
  });
});

describe('completed frameworks', () => {
  it('are remembered up to --max_completed_frameworks, the newest', async () => {
    await using small = await serveMaster({ completedFrameworkCountMax: 2 });
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      await using framework = await ScriptedFramework.subscribe(small.address);
      await framework.call({ type: 'TEARDOWN' });
      ids.push(framework.id.value);
    }
    expect([...small.master.registry.completedFrameworks.keys()]).toEqual(ids.slice(1));
  });

  it('and completed tasks may be none at all', async () => {
    await using small = await serveMaster({ completedFrameworkCountMax: 0, completedTaskCountMax: 0 });
    await using framework = await ScriptedFramework.subscribe(small.address);
    await framework.call({ type: 'TEARDOWN' });
    expect(small.master.registry.completedFrameworks.size).toBe(0);
  });
});
