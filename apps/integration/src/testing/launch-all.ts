import { isTerminalState, subscribe, type ContentType, type TaskInfo, type TaskStatus } from '@drydock/mesos';

/** A task without what the offer says. */
export type LaunchTask = Omit<TaskInfo, 'agent_id'> & { readonly agent_id?: TaskInfo['agent_id'] };

/** Waiting for an offer and for every status has a bound. */
const LAUNCH_MS_MAX = 30_000;

/**
 * Launches tasks in one ACCEPT on the first offer, and gives the last status of each, acknowledged, in order of arrival. `again`
 * are launched on the same offer afterwards, which is no longer valid then.
 */
export async function launchAll(
  master: string,
  tasks: readonly LaunchTask[],
  options: { readonly contentType: ContentType; readonly again?: readonly LaunchTask[] },
): Promise<readonly TaskStatus[]> {
  const { contentType, again = [] } = options;
  await using subscription = await subscribe({
    master,
    contentType,
    frameworkInfo: { user: 'root', name: 'launch-all', capabilities: [{ type: 'PARTITION_AWARE' }] },
    signal: AbortSignal.timeout(LAUNCH_MS_MAX),
  });
  const ended: TaskStatus[] = [];
  let isLaunched = false;
  for await (const event of subscription.events()) {
    const [offer, ...others] = event.offers?.offers ?? [];
    if (offer !== undefined && !isLaunched) {
      isLaunched = true;
      for (const list of [tasks, again].filter(({ length }) => length > 0)) {
        const task_infos = list.map((task) => ({ ...task, agent_id: task.agent_id ?? offer.agent_id }));
        await subscription.send({
          type: 'ACCEPT',
          accept: { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch: { task_infos } }] },
        });
      }
      const offer_ids = others.map(({ id }) => id);
      await subscription.send({ type: 'DECLINE', decline: { offer_ids } });
    }
    const status = event.update?.status;
    if (status === undefined) continue;
    const { task_id, agent_id, uuid } = status;
    if (uuid !== undefined && agent_id !== undefined) {
      await subscription.send({ type: 'ACKNOWLEDGE', acknowledge: { task_id, agent_id, uuid } });
    }
    if (isTerminalState(status.state)) ended.push(status);
    if (ended.length === tasks.length + again.length) return ended;
  }
  throw new Error(`The stream ended after ${ended.length} of ${tasks.length + again.length} tasks`);
}
