import type { ExecutorID, FrameworkID, Task, TaskInfo, TaskState, TaskStatus } from '../v1.ts';

/** What became of a task since it was launched. */
export interface TaskProgress {
  readonly frameworkId: FrameworkID;
  readonly executorId?: ExecutorID | undefined;
  readonly state: TaskState;
  readonly statuses: readonly TaskStatus[];
  /** The newest one, where it is not the last of `statuses`. */
  readonly status?: TaskStatus | undefined;
}

/** A task as the APIs show it. A command task has no executor there. @see src/common/protobuf_utils.cpp createTask */
export function toTask(info: TaskInfo, progress: TaskProgress): Task {
  const { frameworkId, executorId, state, statuses, status = statuses.at(-1) } = progress;
  const { labels, discovery, container, kill_policy: killPolicy } = info;
  const user = info.command?.user;
  return {
    name: info.name,
    task_id: info.task_id,
    framework_id: frameworkId,
    ...(executorId === undefined ? {} : { executor_id: executorId }),
    agent_id: info.agent_id,
    state,
    resources: [...(info.resources ?? [])],
    statuses: [...statuses],
    ...(status === undefined ? {} : { status_update_state: status.state }),
    ...(status?.uuid === undefined ? {} : { status_update_uuid: status.uuid }),
    ...(labels === undefined ? {} : { labels }),
    ...(discovery === undefined ? {} : { discovery }),
    ...(container === undefined ? {} : { container }),
    ...(killPolicy === undefined ? {} : { kill_policy: killPolicy }),
    ...(user === undefined ? {} : { user }),
  };
}
