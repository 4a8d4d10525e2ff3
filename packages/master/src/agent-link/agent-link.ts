/** `POST /api/v1/agent-link`: the wire to the agents, docs/agent-api.md. */
import {
  HttpError,
  acceptedContentType,
  acceptedReply,
  agentApiCallType,
  agentApiEventType,
  readCall,
  type AgentApiCall,
  type HttpReply,
  type HttpRequest,
} from '@drydock/mesos';
import { channelReply, createChannel } from '../event-channel.ts';
import type { Master } from '../master.ts';
import { executorKey, type AgentRecord } from '../registry.ts';
import { register } from './register.ts';

export function handleAgentCall(master: Master, request: HttpRequest): HttpReply {
  const call = readCall(request, agentApiCallType);
  if (call.type === 'REGISTER') {
    if (call.register === undefined) throw new HttpError(400, "Expecting 'register' to be present");
    const channel = createChannel(agentApiEventType, acceptedContentType(request));
    register(master, call.register, channel);
    return channelReply(channel, { type: 'HEARTBEAT' });
  }
  const agent = master.registry.agents.get(call.agent_id?.value ?? '');
  if (agent === undefined) throw new HttpError(400, 'Agent cannot be found');
  if (agent.channel === undefined || request.headers['mesos-stream-id'] !== agent.channel.streamId) {
    throw new HttpError(403, 'Agent is not registered with this stream');
  }
  handle(master, agent, call);
  return acceptedReply();
}

function handle(master: Master, agent: AgentRecord, call: AgentApiCall): void {
  switch (call.type) {
    case 'PONG':
      return master.agents.answered(agent);
    case 'UPDATE_STATUS':
      return updateStatus(master, agent, bodyOf(call, 'update_status'));
    case 'EXECUTOR_EXITED':
      return executorExited(master, agent, bodyOf(call, 'executor_exited'));
    case 'MESSAGE':
      return message(master, agent, bodyOf(call, 'message'));
    case 'UNREGISTER':
      master.counters.count('messages_unregister_slave');
      return master.agents.remove(agent, 'the agent unregistered', 'slave_removals/reason_unregistered');
    default:
      throw new HttpError(501, `Call ${call.type ?? 'UNKNOWN'} is not implemented`);
  }
}

function bodyOf<K extends 'update_status' | 'executor_exited' | 'message'>(
  call: AgentApiCall,
  name: K,
): NonNullable<AgentApiCall[K]> {
  const body = call[name];
  if (body === undefined) throw new HttpError(400, `Expecting '${name}' to be present`);
  return body;
}

function updateStatus(master: Master, agent: AgentRecord, update: NonNullable<AgentApiCall['update_status']>): void {
  const { registry, counters } = master;
  const { framework_id: frameworkId, status } = update;
  counters.count('messages_status_update');
  const framework = registry.frameworks.get(frameworkId.value);
  const task = framework?.tasks.get(status.task_id.value);
  const isKnown = task !== undefined && task.agentId === agent.id;
  counters.count(isKnown && framework?.channel !== undefined ? 'valid_status_updates' : 'invalid_status_updates');
  if (isKnown) return master.tasks.update(task, status);
  if (framework === undefined) {
    agent.channel?.send({ type: 'SHUTDOWN_FRAMEWORK', shutdown_framework: { framework_id: frameworkId } });
  } else if (status.uuid !== undefined) {
    // The framework has acknowledged the task's end before: this is a late copy, and nobody else will answer it.
    agent.channel?.send({
      type: 'STATUS_ACKNOWLEDGED',
      status_acknowledged: { framework_id: frameworkId, task_id: status.task_id, uuid: status.uuid },
    });
  }
}

function executorExited(
  master: Master,
  agent: AgentRecord,
  { framework_id: frameworkId, executor_id: executorId, status }: NonNullable<AgentApiCall['executor_exited']>,
): void {
  master.counters.count('messages_exited_executor');
  const executor = agent.executors.get(executorKey(frameworkId.value, executorId.value));
  if (executor === undefined) {
    // As upstream: its framework was removed meanwhile, or has heard of it before.
    master.options.logger.warning('Ignoring an exit of an unknown executor', { executorId: executorId.value });
    return;
  }
  master.executors.remove(executor);
  const failure = { agent_id: { value: agent.id }, executor_id: executorId, status };
  master.registry.frameworks.get(frameworkId.value)?.channel?.send({ type: 'FAILURE', failure });
}

function message(
  master: Master,
  agent: AgentRecord,
  { framework_id: frameworkId, executor_id: executorId, data }: NonNullable<AgentApiCall['message']>,
): void {
  const { counters, registry, options } = master;
  counters.count('messages_executor_to_framework');
  const body = { agent_id: { value: agent.id }, executor_id: executorId, data };
  const isSent = registry.frameworks.get(frameworkId.value)?.channel?.send({ type: 'MESSAGE', message: body });
  counters.count(isSent ? 'valid_executor_to_framework_messages' : 'invalid_executor_to_framework_messages');
  if (isSent !== true)
    options.logger.warning('Not forwarding a message of an executor', { frameworkId: frameworkId.value });
}
