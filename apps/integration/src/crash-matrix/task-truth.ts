import { isTerminalState, type TaskState } from '@drydock/mesos';
import type { Finding } from './findings.ts';

/** What was seen of a task. */
export interface TaskFacts {
  readonly name: string;
  readonly states: readonly TaskState[];
  /** Of the last status. */
  readonly message?: string;
  /** The agent was killed between its launch and its end. */
  readonly isInterrupted: boolean;
  /** The agent had been killed before its launch. */
  readonly isAfterKill: boolean;
  /** The framework asked for its end. */
  readonly isKilled: boolean;
  /** Of a task that is to stay: its processes when it ran, and before it was killed. */
  readonly processes?: readonly number[];
  readonly laterProcesses?: readonly number[];
  /** What it has left in its volume. */
  readonly data: string | undefined;
}

/** Of a task whose agent was killed before it had begun to run it. */
const NEVER_RAN: readonly TaskState[] = ['TASK_DROPPED', 'TASK_LOST', 'TASK_GONE', 'TASK_FAILED'];

/** Whether what the framework was told of a task is what happened. */
export function judgeTask(facts: TaskFacts): readonly Finding[] {
  const problem = problemOf(facts);
  if (problem === undefined) return [];
  const { name, states, message } = facts;
  const why = message === undefined || message === '' ? '' : ` (${message})`;
  return [{ kind: 'lost', what: `${name}: ${problem}; it was ${states.join(', ')}${why}` }];
}

function problemOf(facts: TaskFacts): string | undefined {
  const { states, message = '', isInterrupted, isAfterKill, isKilled, data } = facts;
  const end = states.find(isTerminalState);
  if (end === undefined) return 'it never ended';
  if (states.at(-1) !== end) return 'it ended, and then it had another state';
  const hasRun = states.includes('TASK_RUNNING') || data !== undefined;
  if (hasRun && data === undefined) return 'it ran, and its data are gone';
  if (isKilled && hasLostProcesses(facts)) return 'it ran, and its processes were ended before it was killed';
  if (end === 'TASK_FINISHED') return hasRun ? undefined : 'it finished, and has never run';
  if (end === 'TASK_KILLED') return isKilled ? undefined : 'it was killed, and nobody asked for that';
  // An agent that was killed while it killed a task sees how it ended, and not why.
  if (isKilled && isInterrupted && message.includes('terminated with signal')) return undefined;
  if (hasRun) return 'it ran, and was ended with its agent';
  // Nobody knows yet what a driver makes of a call whose caller was killed.
  if (isAfterKill && end === 'TASK_FAILED' && message.includes('it may still be mounted')) return undefined;
  return isInterrupted && NEVER_RAN.includes(end) ? undefined : 'it did not run, and nothing happened to its agent';
}

function hasLostProcesses({ processes = [], laterProcesses = [] }: TaskFacts): boolean {
  return processes.some((pid) => !laterProcesses.includes(pid));
}
