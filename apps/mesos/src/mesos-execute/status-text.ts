import { formatResources, type TaskStatus } from '@drydock/mesos';

/** What is printed for a status update, as upstream prints it. @see src/cli/execute.cpp CommandScheduler::update */
export function statusText(status: TaskStatus): string {
  const lines = [`Received status update ${status.state} for task '${status.task_id.value}'`];
  if (status.message !== undefined) lines.push(`  message: '${status.message}'`);
  if (status.source !== undefined) lines.push(`  source: ${status.source}`);
  if (status.reason !== undefined) lines.push(`  reason: ${status.reason}`);
  if (status.healthy !== undefined) lines.push(`  healthy?: ${status.healthy ? 1 : 0}`);
  if (status.check_status !== undefined) lines.push(`  check status: ${JSON.stringify(status.check_status)}`);
  const exceeded = status.limitation?.resources ?? [];
  if (exceeded.length > 0) lines.push(`  resource limit violation: ${formatResources(exceeded)}`);
  return lines.join('\n');
}
