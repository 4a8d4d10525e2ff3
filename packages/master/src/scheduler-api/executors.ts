/** MESSAGE and SHUTDOWN: what a framework has to say to its executors. @see src/master/master.cpp message, shutdown */
import type { SchedulerCall } from '@drydock/mesos';
import type { Master } from '../master.ts';
import type { FrameworkRecord } from '../registry.ts';

/** Nothing promises that a message arrives, and nobody says so when it does not. */
export function message(master: Master, framework: FrameworkRecord, call: NonNullable<SchedulerCall['message']>): void {
  const { counters, registry, options } = master;
  counters.count('messages_framework_to_executor');
  const { agent_id: agentId, executor_id: executorId, data } = call;
  const body = { framework_id: framework.info.id, executor_id: executorId, data };
  const isSent = registry.agents.get(agentId.value)?.channel?.send({ type: 'MESSAGE', message: body });
  counters.count(isSent ? 'valid_framework_to_executor_messages' : 'invalid_framework_to_executor_messages');
  if (isSent !== true) {
    options.logger.warning('Cannot send a message: its agent is not there', {
      frameworkId: framework.id,
      agentId: agentId.value,
    });
  }
}

/** The executor of a command task has the task's id. */
export function shutdown(
  master: Master,
  framework: FrameworkRecord,
  call: NonNullable<SchedulerCall['shutdown']>,
): void {
  const { agent_id: agentId, executor_id: executorId } = call;
  const body = { framework_id: framework.info.id, executor_id: executorId };
  const agent = master.registry.agents.get(agentId.value);
  if (agent?.channel?.send({ type: 'SHUTDOWN_EXECUTOR', shutdown_executor: body }) === true) return;
  master.options.logger.warning('Cannot shut an executor down: its agent is not there', {
    frameworkId: framework.id,
    executorId: executorId.value,
    agentId: agentId.value,
  });
}
