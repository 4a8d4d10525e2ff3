/** `POST /api/v1/agent-link`: the wire to the agents, docs/agent-api.md. */
import {
  HttpError,
  acceptedContentType,
  acceptedReply,
  agentApiCallType,
  agentApiEventType,
  isTerminalState,
  readCall,
  type AgentApiCall,
  type AgentApiEvent,
  type AgentRegistration,
  type HttpReply,
  type HttpRequest,
  type TaskInfo,
} from '@drydock/mesos';
import { EventChannel, HEARTBEAT_MS } from '../event-channel.ts';
import { stateOf, taskKey, type Master } from '../master.ts';
import type { AgentRecord, FrameworkRecord } from '../registry.ts';

export function handleAgentCall(master: Master, request: HttpRequest): HttpReply {
  const call = readCall(request, agentApiCallType);
  if (call.type === 'REGISTER') {
    if (call.register === undefined) throw new HttpError(400, "Expecting 'register' to be present");
    const channel = new EventChannel<AgentApiEvent>(agentApiEventType, acceptedContentType(request));
    register(master, call.register, channel);
    return channel.reply({ type: 'HEARTBEAT' });
  }
  const agent = master.registry.agents.get(call.agent_id?.value ?? '');
  if (agent === undefined) throw new HttpError(400, 'Agent cannot be found');
  if (agent.channel === undefined || request.headers['mesos-stream-id'] !== agent.channel.streamId) {
    throw new HttpError(403, 'Agent is not registered with this stream');
  }
  handle(master, agent, call);
  return acceptedReply();
}

function register(master: Master, registration: AgentRegistration, channel: EventChannel<AgentApiEvent>): void {
  const { agent_info: info, pid, version } = registration;
  const id = info.id?.value ?? master.nextAgentId();
  const known = master.registry.agents.get(id);
  const agent = known ?? master.addAgent(id, info, { pid, version });
  if (known !== undefined) {
    const previous = agent.channel;
    master.rescindOffersOf(agent);
    agent.info = { ...info, id: { value: id } };
    agent.pid = pid;
    agent.version = version;
    agent.reregisteredAt = Date.now() / 1000;
    previous?.end();
  }
  agent.channel = channel;
  channel.send({
    type: 'REGISTERED',
    registered: { agent_id: { value: id }, master_info: master.info, heartbeat_interval_seconds: HEARTBEAT_MS / 1000 },
  });
  settleTasks(master, agent, registration);
  void channel.closed().then(() => {
    if (agent.channel === channel) master.disconnectAgent(agent);
  });
  master.options.logger.info('Registered an agent', { agentId: id, pid, hostname: info.hostname });
  master.allocateSoon();
}

/**
 * What the agent has and the master does not know is taken over, also a task that ended and whose framework has not
 * acknowledged that; what only the master knows never arrived. A framework that was removed meanwhile is shut down.
 */
function settleTasks(master: Master, agent: AgentRecord, { frameworks = [], tasks = [] }: AgentRegistration): void {
  const { registry } = master;
  for (const { id } of frameworks) {
    if (id === undefined || !registry.completedFrameworks.has(id.value)) continue;
    agent.channel?.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: id } });
  }
  const present = new Set<string>();
  for (const { framework_id: frameworkId, task, state } of tasks) {
    const key = taskKey(frameworkId.value, task.task_id.value);
    present.add(key);
    const info = frameworks.find((one) => one.id?.value === frameworkId.value);
    if (agent.tasks.has(key) || info === undefined || registry.completedFrameworks.has(frameworkId.value)) continue;
    const known = registry.frameworks.get(frameworkId.value);
    if (isTerminalState(state) && known !== undefined && hasCompleted(known, agent, task)) continue;
    master.addTask(known ?? master.addFramework({ ...info, id: frameworkId }), agent, task, state);
  }
  for (const [key, task] of agent.tasks) {
    if (present.has(key) || isTerminalState(stateOf(task))) continue;
    master.endTask(task, 'TASK_DROPPED', 'REASON_RECONCILIATION', 'Task is unknown to the agent');
  }
}

/** The framework has acknowledged the task's end; only the agent has not heard of it. */
function hasCompleted({ completedTasks }: FrameworkRecord, agent: AgentRecord, task: TaskInfo): boolean {
  return completedTasks.some(({ agentId, info }) => agentId === agent.id && info.task_id.value === task.task_id.value);
}

function handle(master: Master, agent: AgentRecord, call: AgentApiCall): void {
  switch (call.type) {
    case 'UPDATE_STATUS': {
      if (call.update_status === undefined) throw new HttpError(400, "Expecting 'update_status' to be present");
      const { framework_id: frameworkId, status } = call.update_status;
      const task = master.registry.frameworks.get(frameworkId.value)?.tasks.get(status.task_id.value);
      if (task !== undefined) return master.update(task, status);
      if (!master.registry.frameworks.has(frameworkId.value)) {
        agent.channel?.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: frameworkId } });
      } else if (status.uuid !== undefined) {
        // The framework has acknowledged the task's end before: this is a late copy, and nobody else will answer it.
        agent.channel?.send({
          type: 'STATUS_ACKNOWLEDGED',
          status_acknowledged: { framework_id: frameworkId, task_id: status.task_id, uuid: status.uuid },
        });
      }
      return;
    }
    case 'UNREGISTER':
      return master.removeAgent(agent);
    default:
      throw new HttpError(501, `Call ${call.type ?? 'UNKNOWN'} is not implemented`);
  }
}
