import type { TaskState, TaskStatus } from '@drydock/mesos';
import type { Finding } from './findings.ts';

/** What was seen of a task. */
export interface TaskFacts {
  readonly name: string;
  readonly states: readonly TaskState[];
  readonly last: TaskStatus | undefined;
  /** The agent was killed between its launch and its end. */
  readonly isInterrupted: boolean;
  /** The framework asked for its end. */
  readonly isKilled: boolean;
  /** Of a task that was running and is to stay: before the agent was started again, and after. */
  readonly processes?: readonly number[];
  readonly laterProcesses?: readonly number[];
  /** What it has left in its volume. */
  readonly data: string | undefined;
}

/** Of a task that an agent that was killed had not begun to run, as far as the framework knows. */
const NEVER_RAN: readonly TaskState[] = [
  'TASK_DROPPED',
  'TASK_LOST',
  'TASK_GONE',
  'TASK_UNREACHABLE',
  'TASK_UNKNOWN',
  'TASK_FAILED',
];

/** Whether what the framework was told of a task is what happened. */
export function judgeTasks(facts: TaskFacts): readonly Finding[] {
  const problem = problemOf(facts);
  if (problem === undefined) return [];
  const { name, states, last } = facts;
  const message = last?.message === undefined ? '' : ` (${last.message})`;
  return [{ kind: 'lost', what: `${name}: ${problem}; it was ${states.join(', ')}${message}` }];
}

function problemOf({
  states,
  isInterrupted,
  isKilled,
  processes,
  laterProcesses,
  data,
}: TaskFacts): string | undefined {
  const end = states.at(-1);
  if (end === undefined) return 'nothing was heard of it';
  const wasRunning = states.includes('TASK_RUNNING');
  if (end === 'TASK_FINISHED') return data === undefined ? 'it finished, and its data are gone' : undefined;
  if (wasRunning && data === undefined && end === 'TASK_KILLED') return 'it ran, and its data are gone';
  if (end === 'TASK_KILLED') return isKilled ? undefined : 'it was killed, and nobody asked for that';
  if (!isInterrupted) return `it ended as ${end} though nothing happened to its agent`;
  void processes;
  void laterProcesses;
  return NEVER_RAN.includes(end) ? undefined : `it ended as ${end}`;
}
