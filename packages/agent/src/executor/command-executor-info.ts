import type { ExecutorInfo, FrameworkID, TaskInfo } from '@drydock/mesos';

/** The executor of a command task as the APIs show it: a part of the agent, so it has no command of its own. */
export function commandExecutorInfo(frameworkId: FrameworkID, task: TaskInfo): ExecutorInfo {
  return {
    executor_id: { value: task.task_id.value },
    framework_id: { value: frameworkId.value },
    resources: [...(task.resources ?? [])],
    name: commandExecutorName(task),
    source: task.task_id.value,
  };
}

/** `Command Executor (Task: test) (Command: sh -c 'ls /tmp/myvo...')`. @see src/slave/slave.cpp getExecutorInfo */
export function commandExecutorName({ task_id: taskId, command }: TaskInfo): string {
  const text =
    command?.shell === false ? [command.value, ...(command.arguments ?? [])].join(' ') : (command?.value ?? '');
  const short = text.length > 15 ? `${text.slice(0, 12)}...` : text;
  return `Command Executor (Task: ${taskId.value}) (Command: ${command?.shell === false ? short : `sh -c '${short}'`})`;
}
