import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitUntil } from '@drydock/base/wait-until';
import { post, ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';

let served: ServedMaster;
beforeEach(async () => {
  served = await serveMaster();
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
});

describe('POST /api/v1/scheduler', () => {
  it.each([
    ['no type', {}, "Failed to validate scheduler::Call: Expecting 'type' to be present"],
    ['no body', { type: 'SUBSCRIBE' }, "Failed to validate scheduler::Call: Expecting 'subscribe' to be present"],
    [
      'no framework',
      { type: 'TEARDOWN' },
      "Failed to validate scheduler::Call: Expecting 'framework_id' to be present",
    ],
    [
      'two framework ids',
      {
        type: 'SUBSCRIBE',
        framework_id: { value: 'a' },
        subscribe: { framework_info: { user: 'u', name: 'n', id: { value: 'b' } } },
      },
      "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'",
    ],
    [
      'an ACCEPT without body',
      { type: 'ACCEPT', framework_id: { value: 'a' } },
      "Failed to validate scheduler::Call: Expecting 'accept' to be present",
    ],
    ['an unknown framework', { type: 'TEARDOWN', framework_id: { value: 'a' } }, 'Framework cannot be found'],
  ])('answers 400 to %s', async (_, body, text) => {
    const response = await post(served.address, body);
    expect([response.status, await response.text()]).toEqual([400, text]);
  });

  it.each([
    [
      { 'Content-Type': 'text/plain' },
      '{}',
      415,
      "Expecting 'Content-Type' of application/json or application/x-protobuf",
    ],
    [{}, '{', 400, 'Failed to parse body into JSON'],
    [{}, '{"framework_id":"x"}', 400, 'Failed to convert JSON into Call protobuf'],
    [{ 'Content-Type': 'application/x-protobuf' }, '\u0000', 400, 'Failed to parse body into Call protobuf'],
  ])('answers to %j with body %s: %i', async (headers, body, status, text) => {
    const response = await post(served.address, body, headers);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(text);
  });

  it('answers 406 to a SUBSCRIBE that accepts neither type, and 400 to one with a stream id', async () => {
    const subscribe = { type: 'SUBSCRIBE', subscribe: { framework_info: { user: 'u', name: 'n' } } };
    const refused = await post(served.address, subscribe, { Accept: 'text/html' });
    expect([refused.status, await refused.text()]).toEqual([
      406,
      "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    ]);
    const withStream = await post(served.address, subscribe, { 'Mesos-Stream-Id': 'x' });
    expect([withStream.status, await withStream.text()]).toEqual([
      400,
      "Subscribe calls should not include the 'Mesos-Stream-Id' header",
    ]);
  });

  it('answers 405 to anything but POST', async () => {
    const response = await fetch(`http://${served.address}/api/v1/scheduler`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('demands the stream id of the subscription', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    const call = { type: 'REVIVE', framework_id: framework.id };
    const without = await post(served.address, call);
    expect([without.status, await without.text()]).toEqual([
      400,
      "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
    ]);
    const wrong = await post(served.address, call, { 'Mesos-Stream-Id': 'other' });
    expect(await wrong.text()).toBe(
      `The stream ID 'other' included in this request didn't match the stream ID currently associated with framework ID ${framework.id.value}`,
    );
    expect((await framework.call({ type: 'REVIVE' })).status).toBe(202);
  });

  it('answers 403 to a framework whose stream is gone and that may come back', async () => {
    const framework = await ScriptedFramework.subscribe(served.address, { failover_timeout: 3600 });
    await framework[Symbol.asyncDispose]();
    await waitUntil(() => served.master.registry.frameworks.get(framework.id.value)?.channel === undefined, {
      what: 'the master to notice',
    });
    const response = await framework.call({ type: 'REVIVE' });
    expect([response.status, await response.text()]).toEqual([403, 'Framework is not subscribed']);
  });
});

describe('SUBSCRIBE', () => {
  it('is answered with SUBSCRIBED and then a HEARTBEAT', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await framework.next('HEARTBEAT');
    expect(framework.events.map(({ type }) => type).slice(0, 2)).toEqual(['SUBSCRIBED', 'HEARTBEAT']);
    expect(framework.events[0]?.subscribed).toMatchObject({
      framework_id: { value: `${served.master.id}-0000` },
      heartbeat_interval_seconds: 15,
      master_info: { id: served.master.id },
    });
  });

  it.each([
    ['../../x', "'../../x' contains invalid characters"],
    ['..', "'..' is disallowed"],
    ['a\nb', "'a\nb' contains invalid characters"],
    ['x'.repeat(256), 'ID must not be greater than 255 characters'],
  ])('is refused to the id %j, which could not name a directory', async (value, message) => {
    const response = await post(served.address, {
      type: 'SUBSCRIBE',
      framework_id: { value },
      subscribe: { framework_info: { user: 'root', name: 'f', id: { value } } },
    });
    const [, event = ''] = /^\d+\n(\{.*\})$/.exec(await response.text()) ?? [];
    expect(JSON.parse(event)).toEqual({ type: 'ERROR', error: { message } });
    expect(served.master.registry.frameworks.size).toBe(0);
  });

  it('with an empty id gets a new one', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address, { id: { value: '' } });
    expect(framework.id.value).toBe(`${served.master.id}-0000`);
  });

  it('with a known id takes the framework over: the old stream ends with an error', async () => {
    await using first = await ScriptedFramework.subscribe(served.address, { failover_timeout: 60 });
    await using second = await ScriptedFramework.subscribe(served.address, { id: first.id, failover_timeout: 60 });
    expect((await first.next('ERROR')).error.message).toBe('Framework failed over');
    await waitUntil(() => first.isEnded, { what: 'the old stream to end' });
    expect(second.id).toEqual(first.id);
    expect(second.streamId).not.toBe(first.streamId);
  });

  it('removes a framework without failover_timeout when its stream ends', async () => {
    const framework = await ScriptedFramework.subscribe(served.address);
    const { id } = framework;
    await framework[Symbol.asyncDispose]();
    const removed = await waitUntil(() => served.master.registry.completedFrameworks.get(id.value), {
      what: 'the framework to be removed',
    });
    expect(removed?.unregisteredAt).toBeGreaterThan(0);
  });
});

describe('offers', () => {
  it('carry what the agent has, go to one framework at a time, and come back when declined', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await using agent = await ScriptedAgent.register(served.address, { pid: 'slave(1)@127.0.0.1:5051' });
    const [offer] = (await framework.next('OFFERS')).offers.offers;
    expect(offer).toMatchObject({
      agent_id: { value: agent.id },
      hostname: 'agent-host',
      url: { scheme: 'http', address: { ip: '127.0.0.1', port: 5051 }, path: '/slave(1)' },
    });
    await using other = await ScriptedFramework.subscribe(served.address);
    const seen = framework.events.length;
    await framework.call({ type: 'DECLINE', decline: { offer_ids: [offer.id], filters: { refuse_seconds: 3600 } } });
    const [again] = (await other.next('OFFERS')).offers.offers;
    expect(again.id).not.toEqual(offer.id);
    expect(framework.events.slice(seen).filter(({ type }) => type === 'OFFERS')).toEqual([]);
    await other.call({ type: 'DECLINE', decline: { offer_ids: [again.id], filters: { refuse_seconds: 3600 } } });
    await framework.call({ type: 'REVIVE' });
    await framework.next('OFFERS', seen);
  });

  it('are rescinded when the agent goes away', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    const agent = await ScriptedAgent.register(served.address);
    const [offer] = (await framework.next('OFFERS')).offers.offers;
    await agent[Symbol.asyncDispose]();
    expect((await framework.next('RESCIND')).rescind.offer_id).toEqual(offer.id);
  });

  it('that are gone give TASK_LOST to every task', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    const task = { name: 't', task_id: { value: 't' }, agent_id: { value: 'x' }, command: { value: 'true' } };
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [task] } }];
    await framework.call({ type: 'ACCEPT', accept: { offer_ids: [{ value: 'gone' }], operations } });
    const status = await framework.status('t', 'TASK_LOST');
    expect(status).toMatchObject({
      source: 'SOURCE_MASTER',
      reason: 'REASON_INVALID_OFFERS',
      message: 'Task launched with invalid offers: Offer gone is no longer valid',
    });
    expect(status).not.toHaveProperty('uuid');
  });
});

describe('tasks', () => {
  it('run: launch, updates, acknowledgements, completion', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await using agent = await ScriptedAgent.register(served.address);
    await framework.launch('t1');
    expect((await agent.told('RUN_TASK')).run_task).toMatchObject({
      framework_info: { id: framework.id },
      task: { task_id: { value: 't1' } },
    });
    await agent.report(framework.id, 't1', 'TASK_FINISHED');
    const { uuid } = await framework.status('t1', 'TASK_FINISHED');
    const acknowledge = { agent_id: { value: agent.id }, task_id: { value: 't1' }, uuid };
    await framework.call({ type: 'ACKNOWLEDGE', acknowledge });
    expect((await agent.told('STATUS_ACKNOWLEDGED')).status_acknowledged?.uuid).toEqual(Buffer.from(uuid, 'base64'));
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect([record?.tasks.size, record?.completedTasks.length]).toEqual([0, 1]);
  });

  it('that are wrong get TASK_ERROR and do not reach the agent; the others of the same call do', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await using agent = await ScriptedAgent.register(served.address);
    await framework.launch('good', 'good');
    expect(await framework.status('good', 'TASK_ERROR')).toMatchObject({
      reason: 'REASON_TASK_INVALID',
      message: 'Task has duplicate ID: good',
    });
    await agent.told('RUN_TASK');
    expect(agent.events.filter(({ type }) => type === 'RUN_TASK')).toHaveLength(1);
  });

  it('are killed on their agent; an unknown one is TASK_LOST', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await using agent = await ScriptedAgent.register(served.address);
    await framework.launch('t1');
    await agent.told('RUN_TASK');
    await framework.call({
      type: 'KILL',
      kill: { task_id: { value: 't1' }, kill_policy: { grace_period: { nanoseconds: 5 } } },
    });
    expect((await agent.told('KILL_TASK')).kill_task).toMatchObject({
      task_id: { value: 't1' },
      kill_policy: { grace_period: { nanoseconds: 5 } },
    });
    await framework.call({ type: 'KILL', kill: { task_id: { value: 'nobody' } } });
    expect(await framework.status('nobody', 'TASK_LOST')).toMatchObject({ reason: 'REASON_RECONCILIATION' });
  });

  it('of a framework that is torn down are shut down on their agent', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await using agent = await ScriptedAgent.register(served.address);
    await framework.launch('t1');
    await agent.told('RUN_TASK');
    expect((await framework.call({ type: 'TEARDOWN' })).status).toBe(202);
    expect((await agent.told('SHUTDOWN_FRAMEWORK')).shutdown_framework?.framework_id).toEqual(framework.id);
    await waitUntil(() => framework.isEnded, { what: 'the stream to end' });
    const record = served.master.registry.completedFrameworks.get(framework.id.value);
    expect(record?.completedTasks[0]?.status?.state).toBe('TASK_KILLED');
  });

  it('that never reached an agent are lost when it registers again', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    const agent = await ScriptedAgent.register(served.address);
    await framework.launch('t1');
    await agent.told('RUN_TASK');
    const { id } = agent;
    await agent[Symbol.asyncDispose]();
    await using _again = await ScriptedAgent.register(served.address, { id });
    expect(await framework.status('t1', 'TASK_LOST')).toMatchObject({
      message: 'Reconciliation: task unknown to the agent',
    });
  });

  it('that ended stay so when an older update arrives late', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await using agent = await ScriptedAgent.register(served.address);
    await framework.launch('t1');
    await agent.told('RUN_TASK');
    await agent.report(framework.id, 't1', 'TASK_FINISHED');
    const { uuid } = await framework.status('t1', 'TASK_FINISHED');
    await agent.report(framework.id, 't1', 'TASK_RUNNING');
    const acknowledge = { agent_id: { value: agent.id }, task_id: { value: 't1' }, uuid };
    await framework.call({ type: 'ACKNOWLEDGE', acknowledge });
    const record = served.master.registry.frameworks.get(framework.id.value);
    expect(record?.completedTasks.map(({ status }) => status?.state)).toEqual(['TASK_FINISHED']);
  });

  it('of a framework that was removed meanwhile are shut down when their agent registers again', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    const agent = await ScriptedAgent.register(served.address);
    await framework.launch('t1');
    const task = (await agent.told('RUN_TASK')).run_task?.task;
    if (task === undefined) throw new Error('RUN_TASK has a task');
    await agent[Symbol.asyncDispose]();
    await waitUntil(() => served.master.registry.agents.get(agent.id)?.channel === undefined, { what: 'the loss' });
    await framework.call({ type: 'TEARDOWN' });
    await using again = await ScriptedAgent.register(served.address, {
      id: agent.id,
      frameworks: [{ user: 'root', name: 'f', id: framework.id }],
      tasks: [{ framework_id: framework.id, task, state: 'TASK_RUNNING' }],
    });
    expect((await again.told('SHUTDOWN_FRAMEWORK')).shutdown_framework?.framework_id).toEqual(framework.id);
    expect(served.master.registry.frameworks.size).toBe(0);
    expect(served.master.registry.agents.get(agent.id)?.used).toEqual([]);
  });

  it('that ended unseen by this master reach their framework, and are acknowledged by it alone', async () => {
    const id = { value: 'earlier-0000' };
    const info = { user: 'root', name: 'f', id };
    await using framework = await ScriptedFramework.subscribe(served.address, info);
    const resources = [{ name: 'cpus', type: 'SCALAR' as const, scalar: { value: 1 } }];
    const task = { name: 't1', task_id: { value: 't1' }, agent_id: { value: 'earlier-S0' }, resources };
    await using agent = await ScriptedAgent.register(served.address, {
      id: 'earlier-S0',
      frameworks: [info],
      tasks: [{ framework_id: id, task, state: 'TASK_FINISHED' }],
    });
    await waitUntil(() => agent.link.state === 'registered', { what: 'the link to be up' });
    await agent.report(id, 't1', 'TASK_FINISHED');
    const { uuid } = await framework.status('t1', 'TASK_FINISHED');
    expect(agent.events.map(({ type }) => type)).not.toContain('STATUS_ACKNOWLEDGED');
    expect(served.master.registry.agents.get(agent.id)?.used).toEqual([]);
    const acknowledge = { agent_id: { value: agent.id }, task_id: { value: 't1' }, uuid };
    await framework.call({ type: 'ACKNOWLEDGE', acknowledge });
    await agent.told('STATUS_ACKNOWLEDGED');
    expect(served.master.registry.frameworks.get(id.value)?.tasks.size).toBe(0);
  });
});

describe('GET /state', () => {
  it('shows agents, frameworks and tasks, on both paths', async () => {
    await using framework = await ScriptedFramework.subscribe(served.address);
    await using agent = await ScriptedAgent.register(served.address);
    await framework.launch('t1');
    await agent.told('RUN_TASK');
    for (const path of ['/state', '/master/state']) {
      const response = await fetch(`http://${served.address}${path}`);
      expect(await response.json()).toMatchObject({
        id: served.master.id,
        cluster: 'test',
        activated_slaves: 1,
        slaves: [{ id: agent.id, used_resources: { cpus: 1 }, active: true }],
        frameworks: [
          { id: framework.id.value, active: true, tasks: [{ id: 't1', slave_id: agent.id, state: 'TASK_STAGING' }] },
        ],
      });
    }
  });
});
