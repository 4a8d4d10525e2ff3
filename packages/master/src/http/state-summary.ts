/** The master's `/state-summary`: the state with counts in place of tasks. @see src/master/readonly_handler.cpp */
import type { ProcessFacts } from '@drydock/mesos';
import { stateOf, type Master } from '../master.ts';
import type { TaskRecord } from '../registry.ts';
import { agentState, frameworkSummary } from './master-state.ts';
import { allTasks } from './master-tasks.ts';

const TASK_STATES = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_KILLED',
  'TASK_FAILED',
  'TASK_LOST',
  'TASK_ERROR',
  'TASK_UNREACHABLE',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
] as const;

/** Completed frameworks are not listed, but an agent's counts have their tasks. */
export function stateSummary(master: Master, facts: ProcessFacts): Record<string, unknown> {
  const { agents, frameworks } = master.registry;
  const tasks = allTasks(master);
  const byAgent = Map.groupBy(tasks, ({ agentId }) => agentId);
  const byFramework = Map.groupBy(tasks, ({ framework }) => framework.id);
  const clusterName = facts.flags['cluster'];
  return {
    hostname: master.options.hostname,
    ...(clusterName === undefined ? {} : { cluster: clusterName }),
    slaves: [...agents.values()].map((agent) => {
      const own = byAgent.get(agent.id) ?? [];
      const frameworkIds = new Set(own.map(({ framework }) => framework.id));
      return { ...agentState(agent), ...taskCounts(own), framework_ids: [...frameworkIds] };
    }),
    frameworks: [...frameworks.values()].map((framework) => {
      const own = byFramework.get(framework.id) ?? [];
      const agentIds = new Set(own.map(({ agentId }) => agentId));
      return { ...frameworkSummary(framework), ...taskCounts(own), slave_ids: [...agentIds] };
    }),
  };
}

function taskCounts(tasks: readonly TaskRecord[]): Record<string, number> {
  return Object.fromEntries(
    TASK_STATES.map((state) => [state, tasks.filter((task) => stateOf(task) === state).length]),
  );
}
