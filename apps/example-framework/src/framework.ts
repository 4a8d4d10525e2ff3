/**
 * The framework's decisions: an event in, calls out. Nothing here waits, writes or sends, so every rule can be tested
 * with values. `run-framework.ts` carries the decisions out: first it writes `state.record`, then it sends the calls.
 */
import { isTerminalState, type Offer, type SchedulerCall, type SchedulerEvent, type TaskStatus } from '@drydock/mesos';
import type { Flags } from './flags.ts';
import type { News } from './log.ts';
import { placeTasks } from './offers.ts';
import type { FrameworkRecord, TaskRecord } from './state-file.ts';
import { KINDS, kindOf, newTaskId, taskInfo, type Kind } from './tasks.ts';

/** Offers that are declined in the hope of another agent's, before two tasks share one. */
const HELD_BACK_COUNT_MAX = 3;
/** How often a master may not know a task before it is given up: agents come back some time after their master. */
const UNKNOWN_COUNT_MAX = 4;
/** A task that ends sooner than this may well do so again. */
const QUICK_END_MS = 30_000;
const RELAUNCH_MS_MIN = 1_000;
const RELAUNCH_MS_MAX = 60_000;
const REFUSE_SECONDS_SHORT = 2;
const REFUSE_SECONDS_LONG = 3_600;

/** What is known of one task beside its record. It is gone with the process, and nothing depends on that. */
interface Progress {
  /** Whether this subscription has told how the task is. */
  readonly isConfirmed: boolean;
  /** Answers in a row that the master does not know the task. */
  readonly unknownCount: number;
  readonly launchedAtMs: number;
  /** Ends in a row that came soon after the launch. */
  readonly quickEndCount: number;
  readonly launchNotBeforeMs: number;
}

export interface FrameworkState {
  readonly record: FrameworkRecord;
  readonly progress: Readonly<Record<Kind, Progress>>;
  /** Offers in a row that were declined because a task would have shared its agent. */
  readonly heldBackCount: number;
}

export interface Context {
  readonly nowMs: number;
  /** Makes the part of a task id that no other has. */
  readonly random: () => string;
  readonly flags: Pick<Flags, 'image' | 'driver' | 'volume' | 'role'>;
}

/** What to do: write `state.record` if it has changed, then send `calls` in their order. */
export interface Step {
  readonly state: FrameworkState;
  readonly calls: readonly SchedulerCall[];
  readonly news: readonly News[];
}

export function initialState(record: FrameworkRecord): FrameworkState {
  const progress = { isConfirmed: false, unknownCount: 0, launchedAtMs: 0, quickEndCount: 0, launchNotBeforeMs: 0 };
  return { record, progress: { writer: progress, reader: progress }, heldBackCount: 0 };
}

export function decide(state: FrameworkState, event: SchedulerEvent, context: Context): Step {
  if (event.subscribed !== undefined) return afterSubscribed(state, event.subscribed.framework_id.value);
  if (event.offers !== undefined) return afterOffers(state, event.offers.offers ?? [], context);
  if (event.update !== undefined) return afterUpdate(state, event.update.status, context);
  // A clock that beats while the master is there.
  if (event.type === 'HEARTBEAT') return { state, calls: reconcileUnconfirmed(state), news: [] };
  // RESCIND: offers are answered at once, so none is kept. FAILURE: the tasks' updates say the same.
  return { state, calls: [], news: [] };
}

/** A new stream: updates may have been missed, and what was offered on the last one is gone. */
function afterSubscribed(before: FrameworkState, frameworkId: string): Step {
  let state: FrameworkState = { ...before, heldBackCount: 0 };
  if (state.record.frameworkId !== frameworkId) state = { ...state, record: { ...state.record, frameworkId } };
  for (const kind of KINDS) state = withProgress(state, kind, { isConfirmed: false, unknownCount: 0 });
  // Explicit reconciliation tells of each task that we know, implicit (of none by name) of any that we do not know.
  const calls: SchedulerCall[] = [...reconcileUnconfirmed(state), { type: 'RECONCILE', reconcile: {} }, demand(state)];
  return { state, calls, news: [{ message: 'Subscribed', fields: { frameworkId } }] };
}

/** Asks for the state of each task of which nothing was heard: the answer, or the launch itself, may have been lost. */
function reconcileUnconfirmed({ record, progress }: FrameworkState): SchedulerCall[] {
  const tasks = KINDS.flatMap((kind) => {
    const task = record.tasks[kind];
    if (task === undefined || progress[kind].isConfirmed) return [];
    return [{ task_id: { value: task.taskId }, agent_id: { value: task.agentId } }];
  });
  return tasks.length === 0 ? [] : [{ type: 'RECONCILE', reconcile: { tasks } }];
}

function afterOffers(before: FrameworkState, offers: readonly Offer[], context: Context): Step {
  const ready = missing(before).filter((kind) => before.progress[kind].launchNotBeforeMs <= context.nowMs);
  const { placements, isHeldBack } = placeTasks(ready, offers, {
    role: context.flags.role,
    takenAgents: KINDS.flatMap((kind) => before.record.tasks[kind]?.agentId ?? []),
    mayShareAgent: before.heldBackCount >= HELD_BACK_COUNT_MAX,
  });
  const heldBackCount = isHeldBack ? before.heldBackCount + 1 : placements.length > 0 ? 0 : before.heldBackCount;
  let state: FrameworkState = { ...before, heldBackCount };
  const accepted: { readonly offer: Offer; readonly kind: Kind; readonly task: ReturnType<typeof taskInfo> }[] = [];
  for (const { kind, offer, resources } of placements) {
    const task = taskInfo(kind, newTaskId(kind, context.random()), offer, resources, context.flags);
    const agentId = offer.agent_id.value;
    // From here on, the task counts as there: one that never arrives is found missing by reconciliation.
    state = withTask(state, kind, { taskId: task.task_id.value, agentId, state: 'TASK_STAGING' });
    state = withProgress(state, kind, { isConfirmed: false, unknownCount: 0, launchedAtMs: context.nowMs });
    accepted.push({ offer, kind, task });
  }
  const filters = { refuse_seconds: refuseSeconds(state, context.nowMs) };
  const declined = offers.filter((offer) => !placements.some((placement) => placement.offer === offer));
  const calls: SchedulerCall[] = accepted.map(({ offer, task }) => ({
    type: 'ACCEPT',
    accept: { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch: { task_infos: [task] } }], filters },
  }));
  if (declined.length > 0)
    calls.push({ type: 'DECLINE', decline: { offer_ids: declined.map(({ id }) => id), filters } });
  if (missing(state).length === 0) calls.push(demand(state));
  const news = accepted.map(({ kind, task, offer }) => ({
    message: 'Launching',
    fields: { kind, taskId: task.task_id.value, agentId: offer.agent_id.value },
  }));
  return { state, calls, news };
}

/** Offers are wanted as long as a task is missing. REVIVE also clears the filters of earlier declines. */
function demand(state: FrameworkState): SchedulerCall {
  return missing(state).length > 0 ? { type: 'REVIVE' } : { type: 'SUPPRESS' };
}

/** For how long the master need not offer the same again. */
function refuseSeconds(state: FrameworkState, nowMs: number): number {
  const waitsMs = missing(state).map((kind) => Math.max(0, state.progress[kind].launchNotBeforeMs - nowMs));
  if (waitsMs.length === 0) return REFUSE_SECONDS_LONG;
  return Math.max(REFUSE_SECONDS_SHORT, Math.min(...waitsMs) / 1_000);
}

function afterUpdate(state: FrameworkState, status: TaskStatus, context: Context): Step {
  const kind = KINDS.find((one) => state.record.tasks[one]?.taskId === status.task_id.value);
  const step = kind === undefined ? afterStranger(state, status) : afterOwn(state, kind, status, context);
  const { task_id, agent_id, uuid } = status;
  // Sent after the record is written: the agent repeats what is not acknowledged, and forgets what is. What the master
  // itself tells has no uuid.
  const acknowledgements: SchedulerCall[] =
    uuid === undefined || agent_id === undefined
      ? []
      : [{ type: 'ACKNOWLEDGE', acknowledge: { task_id, agent_id, uuid } }];
  return { ...step, calls: [...acknowledgements, ...step.calls] };
}

function afterOwn(before: FrameworkState, kind: Kind, status: TaskStatus, { nowMs }: Context): Step {
  const { state: taskState, task_id: id, agent_id: agentId, reason, message } = status;
  const progress = before.progress[kind];
  const unknownCount = taskState === 'TASK_UNKNOWN' ? progress.unknownCount + 1 : 0;
  if (taskState === 'TASK_UNKNOWN' && unknownCount < UNKNOWN_COUNT_MAX) {
    return { state: withProgress(before, kind, { unknownCount }), calls: [], news: [] };
  }
  const news = [{ message: 'Update', fields: { kind, taskId: id.value, state: taskState, reason, detail: message } }];
  if (!isOver(status)) {
    const task = before.record.tasks[kind];
    const heard = { taskId: id.value, agentId: agentId?.value ?? task?.agentId ?? '', state: taskState };
    const state = task?.state === taskState ? before : withTask(before, kind, heard);
    return { state: withProgress(state, kind, { isConfirmed: true, unknownCount }), calls: [], news };
  }
  const isQuick = nowMs - progress.launchedAtMs < QUICK_END_MS;
  const quickEndCount = isQuick ? progress.quickEndCount + 1 : 0;
  const pauseMs = isQuick ? Math.min(RELAUNCH_MS_MIN * 2 ** (quickEndCount - 1), RELAUNCH_MS_MAX) : 0;
  const state = withProgress(withTask(before, kind, undefined), kind, {
    quickEndCount,
    unknownCount,
    launchNotBeforeMs: nowMs + pauseMs,
  });
  return { state, calls: [demand(state)], news };
}

/**
 * A task of this framework that is not in the record: launched by an instance that failed over meanwhile, or given up
 * because its agent could not be reached, which is back now. It is taken over where one is missing, and killed otherwise.
 */
function afterStranger(before: FrameworkState, status: TaskStatus): Step {
  const { task_id: id, agent_id: agentId, state: taskState } = status;
  if (isOver(status) || taskState === 'TASK_UNKNOWN' || taskState === 'TASK_KILLING' || agentId === undefined) {
    return { state: before, calls: [], news: [] };
  }
  const fields = { taskId: id.value, agentId: agentId.value, state: taskState };
  const kind = kindOf(id.value);
  if (kind !== undefined && before.record.tasks[kind] === undefined) {
    const task = withTask(before, kind, fields);
    const state = withProgress(task, kind, { isConfirmed: true, unknownCount: 0 });
    return { state, calls: [demand(state)], news: [{ message: 'Taking over', fields: { kind, ...fields } }] };
  }
  const kill: SchedulerCall = { type: 'KILL', kill: { task_id: id, agent_id: agentId } };
  return { state: before, calls: [kill], news: [{ message: 'Killing what is not needed', fields }] };
}

/** Whether another task has to take its place. One on an agent that cannot be reached may come back: `afterStranger`. */
function isOver({ state }: TaskStatus): boolean {
  return isTerminalState(state) || state === 'TASK_UNREACHABLE' || state === 'TASK_UNKNOWN';
}

function missing({ record }: FrameworkState): readonly Kind[] {
  return KINDS.filter((kind) => record.tasks[kind] === undefined);
}

function withTask(state: FrameworkState, kind: Kind, task: TaskRecord | undefined): FrameworkState {
  const { [kind]: _, ...others } = state.record.tasks;
  const tasks = task === undefined ? others : { ...others, [kind]: task };
  return { ...state, record: { ...state.record, tasks } };
}

function withProgress(state: FrameworkState, kind: Kind, change: Partial<Progress>): FrameworkState {
  return { ...state, progress: { ...state.progress, [kind]: { ...state.progress[kind], ...change } } };
}
