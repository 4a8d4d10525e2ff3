import { waitUntil } from '@drydock/base/wait-until';
import { formatResources } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedAgent, ScriptedFramework, serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';

let stack: AsyncDisposableStack;
let served: ServedMaster;
let framework: ScriptedFramework;
let agent: ScriptedAgent;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  served = stack.use(await serveMaster());
  framework = stack.use(await ScriptedFramework.subscribe(served.address, { failover_timeout: 60 }));
  agent = stack.use(await ScriptedAgent.register(served.address, { resources: 'cpus:4;mem:1024;disk:1024' }));
  await waitUntil(() => agent.link.state === 'registered', { what: 'the link to be up' });
});
afterEach(async () => {
  await stack.disposeAsync();
});

type Json = Record<string, unknown>;
const scalar = (name: string, value: number): Json => ({ name, type: 'SCALAR', scalar: { value } });
const anExecutor = (fields: Json = {}): Json => ({
  executor_id: { value: 'e' },
  command: { value: 'run' },
  resources: [scalar('cpus', 0.5)],
  ...fields,
});
const aTask = (id: string, executor: Json): Json => ({
  name: id,
  task_id: { value: id },
  agent_id: { value: agent.id },
  executor,
  resources: [scalar('cpus', 1)],
});
/** Accepts the first offer after `from` events; what is left comes back with the next one, after as many as it gives. */
const launch = async (tasks: readonly Json[], from = 0): Promise<number> => {
  const event = await framework.next('OFFERS', from);
  const offerId = event.offers.offers[0].id;
  const operations = [{ type: 'LAUNCH', launch: { task_infos: tasks } }];
  const accept = { offer_ids: [offerId], operations, filters: { refuse_seconds: 0 } };
  expect((await framework.call({ type: 'ACCEPT', accept })).status).toBe(202);
  return framework.events.indexOf(event) + 1;
};
const used = (): string => formatResources(served.master.registry.agents.get(agent.id)?.used ?? []);

describe('LAUNCH with an executor', () => {
  it('hands the agent each task with its executor, whose resources count once', async () => {
    const seen = await launch([aTask('a', anExecutor()), aTask('b', anExecutor())]);
    await waitUntil(() => agent.events.filter(({ type }) => type === 'RUN_TASK').length === 2, { what: 'both tasks' });
    for (const { run_task: sent } of agent.events.filter(({ type }) => type === 'RUN_TASK')) {
      expect(sent?.task.executor).toMatchObject({
        executor_id: { value: 'e' },
        framework_id: framework.id,
        command: { value: 'run' },
        resources: [{ name: 'cpus', allocation_info: { role: '*' } }],
      });
    }
    expect(used()).toBe('cpus:2.5');
    const offer = (await framework.next('OFFERS', seen)).offers.offers[0];
    expect(offer.executor_ids).toEqual([{ value: 'e' }]);
    const resources = offer.resources.map(({ name, type, scalar }) => ({ name, type, scalar }));
    expect(formatResources(resources)).toContain('cpus:1.5');
  });

  it('shows the executor until its agent says that it has exited, which the framework is told', async () => {
    const environment = { variables: [{ name: 'A', type: 'VALUE', value: '1' }] };
    const command = { shell: false, value: 'run', arguments: ['run', 'x y'], environment };
    await launch([aTask('a', anExecutor({ name: 'mine', command }))]);
    await agent.told('RUN_TASK');
    const { frameworks } = (await (await fetch(`http://${served.address}/state`)).json()) as { frameworks: Json[] };
    expect(frameworks[0]).toMatchObject({
      tasks: [{ id: 'a', executor_id: 'e' }],
      executors: [
        {
          executor_id: 'e',
          name: 'mine',
          slave_id: agent.id,
          resources: { cpus: 0.5 },
          command: {
            shell: false,
            value: 'run',
            argv: ['run', 'x y'],
            environment: { variables: [{ name: 'A', value: '1' }] },
            uris: [],
          },
        },
      ],
    });
    const exited = { framework_id: framework.id, executor_id: { value: 'e' }, status: 256 };
    await agent.link.send({ type: 'EXECUTOR_EXITED', executor_exited: exited });
    expect((await framework.next('FAILURE')).failure).toEqual({
      agent_id: { value: agent.id },
      executor_id: { value: 'e' },
      status: 256,
    });
    expect(used()).toBe('cpus:1');
  });

  it('refuses another executor under the id of one that runs, and what is more than is offered', async () => {
    const seen = await launch([aTask('a', anExecutor()), aTask('b', anExecutor({ name: 'other' }))]);
    expect((await framework.status('b', 'TASK_ERROR')).message).toMatch(
      /^ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID\./,
    );
    await launch([aTask('c', anExecutor({ executor_id: { value: 'f' }, resources: [scalar('cpus', 2)] }))], seen);
    expect((await framework.status('c', 'TASK_ERROR')).message).toMatch(
      /^Total resources cpus:3 required by task and its executor is more than available cpus:2\.5; /,
    );
    expect(used()).toBe('cpus:1.5');
  });
});
