/** ACCEPT and DECLINE. @see src/master/master.cpp Master::accept, _accept, decline */
import { subtractResources, type OfferOperation, type SchedulerCall, type TaskInfo } from '@drydock/mesos';
import type { Master } from '../master.ts';
import { sumOf, type FrameworkRecord, type OfferRecord } from '../registry.ts';
import { launch, launchGroup } from './launch.ts';

type Accept = NonNullable<SchedulerCall['accept']>;
type Decline = NonNullable<SchedulerCall['decline']>;

export function accept(master: Master, framework: FrameworkRecord, call: Accept): void {
  const ids = (call.offer_ids ?? []).map(({ value }) => value);
  const operations = call.operations ?? [];
  const offers = [...new Set(ids)].map((id) => framework.offers.get(id)).filter((offer) => offer !== undefined);
  for (const { type, launch } of operations) {
    if (type !== 'LAUNCH') continue;
    const hasTasks = (launch?.task_infos ?? []).length > 0;
    master.counters.count(hasTasks ? 'messages_launch_tasks' : 'messages_decline_offers');
  }
  const problem = offersProblem(master, framework, ids);
  for (const offer of offers) master.offers.takeBack(offer);
  const [first] = offers;
  if (problem !== undefined || first === undefined) {
    for (const operation of operations) refuseAll(master, framework, operation, problem ?? 'No offers specified');
    master.offers.allocateSoon();
    return;
  }
  let remaining = sumOf(offers.map(({ resources }) => resources));
  for (const operation of operations) {
    const tasks = tasksOf(operation);
    if (tasks === undefined || operation.id !== undefined) {
      refuseOperation(master, framework, operation, first);
    } else if (operation.type === 'LAUNCH') {
      for (const task of tasks) {
        remaining = subtractResources(remaining, launch(master, framework, first, task, remaining));
      }
    } else if (operation.launch_group === undefined || tasks.length === 0) {
      drop(master, framework, operation, 'There are no tasks in the task group');
    } else {
      const group = { executor: operation.launch_group.executor, tasks };
      remaining = subtractResources(remaining, launchGroup(master, framework, first, group, remaining));
    }
  }
  master.offers.decline(framework, { ...first, resources: remaining }, call.filters);
}

export function decline(master: Master, framework: FrameworkRecord, call: Decline): void {
  master.counters.count('messages_decline_offers');
  for (const { value } of call.offer_ids ?? []) {
    // One that is not valid any more is ignored, as upstream.
    const record = framework.offers.get(value);
    if (record === undefined) continue;
    master.offers.takeBack(record);
    master.offers.decline(framework, record, call.filters);
  }
}

/** In the order of upstream's checks. */
function offersProblem(master: Master, framework: FrameworkRecord, ids: readonly string[]): string | undefined {
  const { offers } = master.registry;
  if (ids.length === 0) return 'No offers specified';
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) return `Duplicate offer ${id} in offer list`;
    seen.add(id);
  }
  const records: OfferRecord[] = [];
  for (const id of ids) {
    const record = offers.get(id);
    if (record === undefined) return `Offer ${id} is no longer valid`;
    records.push(record);
  }
  for (const record of records) {
    if (record.framework === framework) continue;
    return `Offer ${record.offer.id.value} has invalid framework ${record.framework.id} while framework ${framework.id} is expected`;
  }
  const [first, ...rest] = records;
  for (const { offer, role } of rest) {
    if (role === first?.role) continue;
    return `Aggregated offers must be allocated to the same role. Offer ${offer.id.value} uses role '${role} but another is using role '${first?.role}`;
  }
  for (const { offer, agent } of rest) {
    if (agent === first?.agent) continue;
    return `Aggregated offers must belong to one single agent. Offer ${offer.id.value} uses agent ${agent.id} and agent ${first?.agent.id}`;
  }
  return undefined;
}

/** Nothing that was to be done with offers that are not valid is done. */
function refuseAll(master: Master, framework: FrameworkRecord, operation: OfferOperation, problem: string): void {
  const tasks = tasksOf(operation);
  if (tasks === undefined) {
    drop(master, framework, operation, `Operation attempted with invalid offers: ${problem}`);
    return;
  }
  const message = `Task launched with invalid offers: ${problem}`;
  for (const task of tasks) {
    master.tasks.refuse(framework, task, { state: 'TASK_DROPPED', reason: 'REASON_INVALID_OFFERS', message });
  }
}

/** What cannot be done here with a valid offer, or not in this form. */
function refuseOperation(
  master: Master,
  framework: FrameworkRecord,
  operation: OfferOperation,
  { agent }: OfferRecord,
): void {
  const tasks = tasksOf(operation);
  if (tasks === undefined) {
    const why =
      operation.id === undefined
        ? `${operation.type ?? 'UNKNOWN'} is not supported`
        : `Operation requested feedback, but agent ${agent.id} does not have the required RESOURCE_PROVIDER capability`;
    drop(master, framework, operation, why);
    return;
  }
  const reason = operation.type === 'LAUNCH' ? 'REASON_TASK_INVALID' : 'REASON_TASK_GROUP_INVALID';
  const message = `The \`id\` field cannot be set on ${operation.type} operations`;
  for (const task of tasks) master.tasks.refuse(framework, task, { state: 'TASK_ERROR', reason, message });
}

/** The tasks of an operation that launches some. */
function tasksOf({ type, launch, launch_group: group }: OfferOperation): readonly TaskInfo[] | undefined {
  if (type === 'LAUNCH') return launch?.task_infos ?? [];
  if (type === 'LAUNCH_GROUP') return group?.task_group.tasks ?? [];
  return undefined;
}

/** The framework hears of it where it gave the operation an id. */
function drop(master: Master, framework: FrameworkRecord, { type, id }: OfferOperation, message: string): void {
  master.options.logger.warning('Dropping an operation', { type, message, frameworkId: framework.id });
  if (id === undefined) return;
  const status = { state: 'OPERATION_ERROR', operation_id: id, message } as const;
  framework.channel?.send({ type: 'UPDATE_OPERATION_STATUS', update_operation_status: { status } });
}
