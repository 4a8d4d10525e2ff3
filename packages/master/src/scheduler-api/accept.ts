/** ACCEPT and DECLINE. @see src/master/master.cpp Master::accept, _accept, decline */
import {
  addResources,
  subtractResources,
  validateTask,
  type Filters,
  type Resource,
  type SchedulerCall,
  type SchedulerEvent,
  type TaskInfo,
  type TaskState,
  type TaskStatusReason,
} from '@drydock/mesos';
import { isPartitionAware, sumOf, type Master } from '../master.ts';
import type { AgentRecord, FrameworkRecord, OfferRecord } from '../registry.ts';

type Accept = NonNullable<SchedulerCall['accept']>;
type Decline = NonNullable<SchedulerCall['decline']>;

/** @see Filters.refuse_seconds */
const REFUSE_SECONDS = 5;
/** A year, as upstream; longer filters are cut. */
const REFUSE_SECONDS_MAX = 365 * 86_400;

export function accept(master: Master, framework: FrameworkRecord, call: Accept): void {
  const ids = (call.offer_ids ?? []).map(({ value }) => value);
  const offers = ids.map((id) => framework.offers.get(id)).filter((offer) => offer !== undefined);
  const tasks = (call.operations ?? []).flatMap((operation) => operation.launch?.task_infos ?? []);
  const problem = offersProblem(ids, offers);
  for (const offer of offers) master.takeBack(offer);
  const agent = offers[0]?.agent;
  if (problem !== undefined || agent === undefined) {
    const state = isPartitionAware(framework) ? 'TASK_DROPPED' : 'TASK_LOST';
    const message = `Task launched with invalid offers: ${problem ?? 'No offers specified'}`;
    for (const task of tasks) refuse(framework, task, { state, reason: 'REASON_INVALID_OFFERS', message });
    master.allocateSoon();
    return;
  }
  let remaining = sumOf(offers.map(({ offer }) => offer.resources));
  for (const operation of call.operations ?? []) {
    if (operation.type === 'LAUNCH') {
      for (const task of operation.launch?.task_infos ?? []) {
        if (launch(master, framework, agent, task, remaining)) {
          remaining = subtractResources(remaining, task.resources ?? []);
        }
      }
    } else if (operation.type === 'LAUNCH_GROUP') {
      const message = 'Task groups are not supported';
      for (const task of operation.launch_group?.task_group.tasks ?? []) {
        refuse(framework, task, { state: 'TASK_ERROR', reason: 'REASON_TASK_GROUP_INVALID', message });
      }
    } else {
      master.options.logger.warning('Dropping an operation that is not implemented', { type: operation.type });
    }
  }
  filter(framework, agent, remaining, call.filters);
  master.allocateSoon();
}

export function decline(master: Master, framework: FrameworkRecord, call: Decline): void {
  for (const { value } of call.offer_ids ?? []) {
    const record = framework.offers.get(value);
    if (record === undefined) continue;
    master.takeBack(record);
    filter(framework, record.agent, record.offer.resources ?? [], call.filters);
  }
  master.allocateSoon();
}

/** @returns whether the task was launched */
function launch(
  master: Master,
  framework: FrameworkRecord,
  agent: AgentRecord,
  task: TaskInfo,
  offered: readonly Resource[],
): boolean {
  const message = validateTask(task, {
    agentId: agent.id,
    frameworkId: framework.info.id.value,
    offered: [...offered],
    isKnownTaskId: (id) => framework.tasks.has(id),
  });
  if (message !== undefined) {
    refuse(framework, task, { state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message });
    return false;
  }
  master.launch(framework, agent, task);
  return true;
}

function offersProblem(ids: readonly string[], offers: readonly OfferRecord[]): string | undefined {
  if (new Set(ids).size !== ids.length) return 'Duplicate offers in the offer list';
  const missing = ids.find((id) => !offers.some(({ offer }) => offer.id.value === id));
  if (missing !== undefined) return `Offer ${missing} is no longer valid`;
  const [first] = offers;
  const other = offers.find(({ agent }) => agent !== first?.agent);
  if (other === undefined || first === undefined) return undefined;
  return `Aggregated offers must belong to one single agent. Offer ${other.offer.id.value} uses agent ${other.agent.id} and agent ${first.agent.id}`;
}

function refuse(
  framework: FrameworkRecord,
  task: TaskInfo,
  facts: { readonly state: TaskState; readonly reason: TaskStatusReason; readonly message: string },
): void {
  const event: SchedulerEvent = {
    type: 'UPDATE',
    update: {
      status: {
        task_id: task.task_id,
        agent_id: task.agent_id,
        source: 'SOURCE_MASTER',
        timestamp: Date.now() / 1000,
        ...facts,
      },
    },
  };
  framework.channel?.send(event);
}

/** Does not offer `resources` of the agent again for a while. */
function filter(
  framework: FrameworkRecord,
  agent: AgentRecord,
  resources: readonly Resource[],
  filters: Filters | undefined,
): void {
  const wanted = filters?.refuse_seconds ?? REFUSE_SECONDS;
  const seconds = Number.isFinite(wanted) && wanted >= 0 ? Math.min(wanted, REFUSE_SECONDS_MAX) : REFUSE_SECONDS;
  if (seconds === 0 || resources.length === 0) return;
  // Offers are compared without their allocation.
  framework.filters.set(agent.id, { until: Date.now() + seconds * 1000, resources: addResources(resources, []) });
}
