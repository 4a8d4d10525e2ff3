/** KILL and ACKNOWLEDGE. @see src/master/master.cpp kill, acknowledge */
import type { SchedulerCall } from '@drydock/mesos';
import type { Master } from '../master.ts';
import { taskKey, type FrameworkRecord } from '../registry.ts';
import { reconcile } from './reconcile.ts';

export function kill(master: Master, framework: FrameworkRecord, call: NonNullable<SchedulerCall['kill']>): void {
  const { counters, registry, options } = master;
  const { task_id: taskId, agent_id: agentId, kill_policy: policy } = call;
  counters.count('messages_kill_task');
  const task = framework.tasks.get(taskId.value);
  if (task === undefined) {
    return reconcile(master, framework, [{ task_id: taskId, ...(agentId === undefined ? {} : { agent_id: agentId }) }]);
  }
  if (agentId !== undefined && agentId.value !== task.agentId) {
    options.logger.warning('Cannot kill a task: it belongs to a different agent', {
      taskId: taskId.value,
      agentId: task.agentId,
      named: agentId.value,
    });
    return;
  }
  const agent = registry.agents.get(task.agentId);
  // The agent may not hear of it now: it is told again when it comes back.
  agent?.killed.add(taskKey(framework.id, taskId.value));
  agent?.channel?.send({
    type: 'KILL_TASK',
    kill_task: {
      framework_id: framework.info.id,
      task_id: taskId,
      ...(policy === undefined ? {} : { kill_policy: policy }),
    },
  });
}

export function acknowledge(
  master: Master,
  framework: FrameworkRecord,
  call: NonNullable<SchedulerCall['acknowledge']>,
): void {
  const { counters, registry, tasks, options } = master;
  const { agent_id: agentId, task_id: taskId, uuid } = call;
  counters.count('messages_status_update_acknowledgement');
  const agent = registry.agents.get(agentId.value);
  const task = agent?.tasks.get(taskKey(framework.id, taskId.value));
  // Without the agent nobody takes the acknowledgement: it tells its update again when it is back. And an update that
  // this master has not passed on cannot be meant.
  if (agent?.channel === undefined || (task !== undefined && task.updateUuid === undefined)) {
    counters.count('invalid_status_update_acknowledgements');
    options.logger.warning('Ignoring an acknowledgement', { taskId: taskId.value, agentId: agentId.value });
    return;
  }
  if (task !== undefined) tasks.acknowledge(task, uuid);
  agent.channel.send({
    type: 'STATUS_ACKNOWLEDGED',
    status_acknowledged: { framework_id: framework.info.id, task_id: taskId, uuid },
  });
  counters.count('valid_status_update_acknowledgements');
}
