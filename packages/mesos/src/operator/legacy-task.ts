/** Tasks as the legacy endpoints `/state` and `/tasks` show them. @see src/common/http.cpp json(Task), json(TaskStatus) */
import { toJson } from '../codec/codec.ts';
import { containerInfoType } from '../codec/schema.ts';
import { resourcesToState } from '../resources/resources.ts';
import type { Task, TaskStatus } from '../v1.ts';

/** Upstream's name for an agent is `slave` here; the executor of a command task has no id. */
export function taskToState(task: Task, role: string): Record<string, unknown> {
  return {
    id: task.task_id.value,
    name: task.name,
    framework_id: task.framework_id.value,
    executor_id: task.executor_id?.value ?? '',
    slave_id: task.agent_id.value,
    state: task.state,
    resources: resourcesToState(task.resources ?? []),
    role,
    statuses: (task.statuses ?? []).map(statusToState),
    ...(task.user === undefined ? {} : { user: task.user }),
    ...(task.labels === undefined ? {} : { labels: task.labels.labels ?? [] }),
    ...(task.discovery === undefined ? {} : { discovery: task.discovery }),
    ...(task.container === undefined ? {} : { container: toJson(containerInfoType, task.container) }),
  };
}

function statusToState(status: TaskStatus): Record<string, unknown> {
  return {
    state: status.state,
    timestamp: status.timestamp,
    ...(status.labels === undefined ? {} : { labels: status.labels.labels ?? [] }),
    ...(status.container_status === undefined ? {} : { container_status: status.container_status }),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}
