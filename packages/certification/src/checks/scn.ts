/** The document's scenario and its like, with a real agent. */
import { isTerminalState, subscribe, type TaskInfo } from '@drydock/mesos';
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import { CheckFailedError } from '../run/outcome.ts';
import { execute, finish, idleAfter, taskInfo, writtenBy, type TaskWithoutAgent } from './agent-tasks.ts';

const PATH = '/tmp/myvolume';
const GROUP_SIZE = 10;

export const scnChecks: CheckBodies = idleAfter({
  async 'SCN-001'(context) {
    const volumes = [{ name: await context.createdVolume(), containerPath: PATH }];
    await finish(context, { command: `touch ${PATH}/myfile`, volumes });
    expectListing(context, await finish(context, { command: `ls ${PATH}`, volumes }));
  },

  async 'SCN-002'(context) {
    const volumes = [{ name: await context.createdVolume(), containerPath: PATH }];
    const agent = await context.realAgent();
    const info = taskInfo(agent, 'over-http', { command: `touch ${PATH}/myfile && ls ${PATH}`, volumes });
    const frameworkId = await launchOverHttp(context, agent.cluster.master, info);
    expectListing(context, await writtenBy(agent, frameworkId, info.name));
  },

  async 'SCN-003'(context) {
    const [one, two] = [await context.createdVolume(), await context.createdVolume()];
    const volumes = [
      { name: one, containerPath: '/tmp/one', options: context.optionsFor(one) },
      { name: two, containerPath: '/tmp/two', options: context.optionsFor(two) },
    ];
    const command = 'echo one >/tmp/one/token; echo two >/tmp/two/token; cat /tmp/one/token /tmp/two/token';
    const lines = await finish(context, { command, volumes });
    context.expect(lines.join(' ') === 'one two', 'each volume to have its own token', lines);
  },

  async 'SCN-007'(context) {
    const volumes = [{ name: await context.createdVolume(), containerPath: 'data' }];
    const agent = await context.realAgent();
    const tasks = Array.from({ length: GROUP_SIZE }, (_, index) => {
      const rest = `sleep 0.${context.random.between(0, 9)}`;
      const command = `echo ${index} >data/member-${index}; ${rest}; test -e data/member-${index}`;
      return taskInfo(agent, `member-${index}`, { command, volumes, hasImage: false });
    });
    const { states } = await execute(context, agent, `--task_group=${JSON.stringify({ tasks })}`);
    const finished = [...states.values()].filter((state) => state === 'TASK_FINISHED');
    context.expect(finished.length === GROUP_SIZE, `${GROUP_SIZE} tasks to finish`, Object.fromEntries(states));
    await agent.cluster.waitUntilIdle();
    const lines = await finish(context, { command: 'ls data', volumes });
    const members = lines.filter((line) => line.startsWith('member-'));
    context.expect(members.length === GROUP_SIZE, `the files of ${GROUP_SIZE} members`, lines);
  },
});

function expectListing({ expect, manifest }: CheckContext, lines: readonly string[]): void {
  const wanted = ['myfile', ...manifest.seedFiles];
  const isThere = wanted.every((name) => lines.includes(name));
  expect(isThere, `a listing with ${wanted.join(' and ')}`, lines);
}

/** As a framework of its own would do it; gives the framework's id when the task has finished. */
async function launchOverHttp({ signal }: CheckContext, master: string, info: TaskWithoutAgent): Promise<string> {
  await using subscription = await subscribe({
    master,
    contentType: 'application/json',
    frameworkInfo: { user: 'root', name: 'certification' },
    signal,
  });
  let isLaunched = false;
  for await (const event of subscription.events()) {
    const [offer] = event.offers?.offers ?? [];
    if (offer !== undefined && !isLaunched) {
      isLaunched = true;
      const task_infos = [{ ...info, agent_id: offer.agent_id } as unknown as TaskInfo]; // built for this API
      const operations = [{ type: 'LAUNCH' as const, launch: { task_infos } }];
      await subscription.send({ type: 'ACCEPT', accept: { offer_ids: [offer.id], operations } });
    }
    const status = event.update?.status;
    if (status === undefined) continue;
    const { task_id, agent_id, uuid, state, message = '' } = status;
    if (uuid !== undefined && agent_id !== undefined) {
      await subscription.send({ type: 'ACKNOWLEDGE', acknowledge: { task_id, agent_id, uuid } });
    }
    if (state === 'TASK_FINISHED') return subscription.frameworkId.value;
    if (isTerminalState(state)) {
      throw new CheckFailedError({ expected: 'the task to finish', got: `${state} (${message})` });
    }
  }
  throw new CheckFailedError({ expected: 'the task to finish', got: 'the end of the event stream' });
}
