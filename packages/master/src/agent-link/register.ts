/** REGISTER: an agent is there for the first time, or again. @see src/master/master.cpp registerSlave, reregisterSlave */
import {
  frameworkRoles,
  HttpError,
  isTerminalState,
  validateId,
  type AgentApiEvent,
  type AgentRegistration,
  type EventChannel,
  type FrameworkInfo,
  type KnownTask,
  type Resource,
} from '@drydock/mesos';
import { HEARTBEAT_MS } from '../event-channel.ts';
import type { Master } from '../master.ts';
import { executorKey, stateOf, taskKey, type AgentRecord, type FrameworkRecord, type TaskRecord } from '../registry.ts';

/**
 * Takes the agent in; the channel gets REGISTERED or ERROR first.
 * @throws HttpError 400 what cannot be a registration, 409 another agent is there at that address
 */
export function register(master: Master, registration: AgentRegistration, channel: EventChannel<AgentApiEvent>): void {
  const { agent_info: info } = registration;
  const refusal = refusalOf(master, registration);
  if (refusal !== undefined) {
    master.options.logger.warning('Refusing an agent', { agentId: info.id?.value, refusal });
    channel.send({ type: 'ERROR', error: { message: refusal } });
    channel.end();
    return;
  }
  clearAddress(master, registration);
  const known = master.registry.agents.get(info.id?.value ?? '');
  if (info.id === undefined) {
    master.counters.count('messages_register_slave');
    master.counters.count('slave_registrations');
    const agent = master.agents.add(master.agents.nextId(), info, registration);
    welcome(master, agent, channel);
    master.events.agentAdded(agent);
  } else if (known === undefined) {
    master.counters.count('messages_reregister_slave');
    readmit(master, info.id.value, registration, channel);
  } else {
    master.counters.count('messages_reregister_slave');
    takeBack(master, known, registration, channel);
  }
  master.offers.allocateSoon();
}

/** Why the agent may not come, for good. */
function refusalOf(master: Master, { agent_info: info, pid }: AgentRegistration): string | undefined {
  if (info.id === undefined) return undefined;
  const problem = validateId(info.id.value);
  if (problem !== undefined) return problem;
  if (master.registry.goneAgents.has(info.id.value)) return 'Agent has been marked gone';
  const known = master.registry.agents.get(info.id.value);
  if (known === undefined) return undefined;
  return known.info.hostname === info.hostname && ipOf(known.pid) === ipOf(pid)
    ? undefined
    : 'Agent attempted to reregister with different IP / hostname';
}

const ipOf = (pid: string): string => pid.slice(0, pid.lastIndexOf(':'));

/** Two agents cannot be at one address: the one that is not connected is gone; one that is has the right to stay. */
function clearAddress(master: Master, { agent_info: info, pid }: AgentRegistration): void {
  const other = master.registry.agentAt(pid);
  if (other === undefined || other.id === info.id?.value) return;
  if (other.channel !== undefined) {
    throw new HttpError(
      409,
      `Agent ${other.id} is registered at ${pid}; expecting --port or --advertise_port of another agent to be different`,
    );
  }
  master.agents.remove(other, 'a new agent registered at the same address', 'slave_removals/reason_registered');
}

/** An agent that the master knows: it says what it still has. */
function takeBack(
  master: Master,
  agent: AgentRecord,
  registration: AgentRegistration,
  channel: EventChannel<AgentApiEvent>,
): void {
  master.offers.rescindOf(agent);
  agent.info = { ...registration.agent_info, id: { value: agent.id } };
  agent.pid = registration.pid;
  agent.version = registration.version;
  agent.reregisteredAt = master.nowSeconds();
  master.counters.count('slave_reregistrations');
  welcome(master, agent, channel);
  const { tasks = [] } = registration;
  const present = new Set(tasks.map(keyOf));
  for (const known of tasks) adopt(master, agent, known, registration);
  settleExecutors(master, agent, registration);
  for (const [key, task] of agent.tasks) {
    if (present.has(key) || isTerminalState(stateOf(task))) continue;
    const message = 'Reconciliation: task unknown to the agent';
    master.tasks.end(task, { state: 'TASK_DROPPED', reason: 'REASON_RECONCILIATION', message });
  }
  for (const key of agent.killed) {
    const task = agent.tasks.get(key);
    if (task === undefined) continue;
    const kill = { framework_id: task.framework.info.id, task_id: task.info.task_id };
    agent.channel?.send({ type: 'KILL_TASK', kill_task: kill });
  }
  settleFrameworks(master, agent, registration.frameworks ?? []);
}

/** An agent that was unreachable or removed, or that knew the master's predecessor. */
function readmit(
  master: Master,
  id: string,
  registration: AgentRegistration,
  channel: EventChannel<AgentApiEvent>,
): void {
  const { registry, tasks, counters } = master;
  const wasUnreachable = registry.unreachableAgents.delete(id);
  const agent = master.agents.add(id, registration.agent_info, registration);
  agent.reregisteredAt = master.nowSeconds();
  counters.count('slave_reregistrations');
  welcome(master, agent, channel);
  master.events.agentAdded(agent);
  // Upstream's own spelling.
  const message = wasUnreachable ? 'Unreachable agent re-reregistered' : 'Unknown agent reregistered';
  for (const known of registration.tasks ?? []) {
    const task = adopt(master, agent, known, registration);
    // Of an end the agent itself tells, until somebody acknowledges it.
    if (task === undefined || isTerminalState(known.state)) continue;
    const status = tasks.statusOf(task, { state: known.state, reason: 'REASON_AGENT_REREGISTERED', message });
    task.framework.channel?.send({ type: 'UPDATE', update: { status } });
  }
  settleExecutors(master, agent, registration);
  // What was there and did not come back with the agent is known to nobody.
  for (const framework of registry.frameworks.values()) {
    for (const [taskId, task] of framework.unreachableTasks) {
      if (task.agentId === id) framework.unreachableTasks.delete(taskId);
    }
  }
  settleFrameworks(master, agent, registration.frameworks ?? []);
}

function welcome(master: Master, agent: AgentRecord, channel: EventChannel<AgentApiEvent>): void {
  channel.send({
    type: 'REGISTERED',
    registered: {
      agent_id: { value: agent.id },
      master_info: master.info,
      heartbeat_interval_seconds: HEARTBEAT_MS / 1000,
    },
  });
  master.agents.connect(agent, channel);
  const { hostname } = agent.info;
  master.options.logger.info('Registered an agent', { agentId: agent.id, pid: agent.pid, hostname });
}

/** Takes over a task that the agent has and the master does not know there, if its framework still wants it. */
function adopt(
  master: Master,
  agent: AgentRecord,
  known: KnownTask,
  { frameworks = [] }: AgentRegistration,
): TaskRecord | undefined {
  const { registry } = master;
  const { framework_id: frameworkId, task, state } = known;
  const info = frameworks.find(({ id }) => id?.value === frameworkId.value);
  if (agent.tasks.has(keyOf(known)) || info === undefined) return undefined;
  if (registry.completedFrameworks.has(frameworkId.value)) return undefined;
  const framework =
    registry.frameworks.get(frameworkId.value) ?? master.frameworks.recover({ ...info, id: frameworkId });
  const taskId = task.task_id.value;
  const running = framework.tasks.get(taskId);
  if (running !== undefined) {
    // The framework launched another one under that id meanwhile.
    const kill = { framework_id: frameworkId, task_id: task.task_id };
    if (!isTerminalState(state)) agent.channel?.send({ type: 'KILL_TASK', kill_task: kill });
    return undefined;
  }
  // Its end is known and acknowledged; only the agent has not heard of that yet.
  if (isTerminalState(state) && hasSeenEnd(framework, agent, taskId)) return undefined;
  framework.unreachableTasks.delete(taskId);
  forgetCompleted(framework, taskId);
  return master.tasks.add(framework, agent, task, roleOf(task.resources, framework), state);
}

/** An agent has the executors that it lists, alone or with a task, and no other. */
function settleExecutors(
  master: Master,
  agent: AgentRecord,
  { executors = [], tasks = [], frameworks = [] }: AgentRegistration,
): void {
  const { registry } = master;
  const ofTasks = tasks.flatMap(({ framework_id, task, state }) =>
    task.executor === undefined || isTerminalState(state) ? [] : [{ framework_id, executor: task.executor }],
  );
  const present = new Set<string>();
  for (const { framework_id: frameworkId, executor } of [...executors, ...ofTasks]) {
    if (registry.completedFrameworks.has(frameworkId.value)) continue;
    const info = frameworks.find(({ id }) => id?.value === frameworkId.value);
    const known = registry.frameworks.get(frameworkId.value);
    const framework = known ?? (info && master.frameworks.recover({ ...info, id: frameworkId }));
    if (framework === undefined) continue;
    present.add(executorKey(framework.id, executor.executor_id.value));
    master.executors.add(framework, agent, executor, roleOf(executor.resources, framework));
  }
  for (const [key, executor] of agent.executors) if (!present.has(key)) master.executors.remove(executor);
}

/** What a task or an executor says that it was launched for. */
function roleOf(resources: readonly Resource[] | undefined, { info }: FrameworkRecord): string {
  const allocated = resources?.find((one) => one.allocation_info?.role !== undefined);
  return allocated?.allocation_info?.role ?? frameworkRoles(info)[0] ?? '*';
}

function hasSeenEnd({ completedTasks }: FrameworkRecord, agent: AgentRecord, taskId: string): boolean {
  return completedTasks.some(
    ({ agentId, info, isAcknowledged }) => isAcknowledged && agentId === agent.id && info.task_id.value === taskId,
  );
}

/** A task that the master had given up is not both at its end and running. */
function forgetCompleted({ completedTasks }: FrameworkRecord, taskId: string): void {
  const at = completedTasks.findLastIndex(
    ({ info, isAcknowledged }) => !isAcknowledged && info.task_id.value === taskId,
  );
  if (at >= 0) completedTasks.splice(at, 1);
}

/** A framework that was removed meanwhile is shut down; of the others the agent hears what they say of themselves now. */
function settleFrameworks(master: Master, agent: AgentRecord, frameworks: readonly FrameworkInfo[]): void {
  const { registry } = master;
  for (const { id, ...info } of frameworks) {
    if (id === undefined) continue;
    if (registry.completedFrameworks.has(id.value)) {
      agent.channel?.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: id } });
      continue;
    }
    const framework = registry.frameworks.get(id.value) ?? master.frameworks.recover({ ...info, id });
    if (framework.isRecovered) continue;
    agent.channel?.send({ type: 'UPDATE_FRAMEWORK', update_framework: { framework_info: framework.info } });
  }
}

const keyOf = ({ framework_id: frameworkId, task }: KnownTask): string =>
  taskKey(frameworkId.value, task.task_id.value);
