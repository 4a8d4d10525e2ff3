/**
 * The agent's `/metrics/snapshot`. Only what the agent knows is there: a name that is missing is not measured.
 * @see docs/monitoring.md, src/slave/metrics.cpp
 */
import { addResources, isTerminalState, scalarOf, type Resource } from '@drydock/mesos';
import type { Agent } from '../agent.ts';

const TASK_STATES = [
  'staging',
  'starting',
  'running',
  'killing',
  'finished',
  'killed',
  'failed',
  'lost',
  'gone',
] as const;

/** `startTime` is in seconds since the epoch. Ended tasks are counted as long as the agent remembers them. */
export function agentMetrics(agent: Agent, startTime: number): Record<string, number> {
  const runs = [...agent.frameworks, ...agent.completedFrameworks].flatMap((framework) => [
    ...framework.completed,
    ...framework.runs.values(),
  ]);
  const active = agent.activeRuns;
  const countOf = (state: string): number => runs.filter((run) => run.state === state).length;
  const terminatingCount = active.filter((run) => isTerminalState(run.state)).length;
  const registeringCount = active.filter((run) => run.state === 'TASK_STAGING').length;
  return {
    'slave/uptime_secs': Date.now() / 1000 - startTime,
    'slave/registered': agent.id === undefined ? 0 : 1,
    'slave/frameworks_active': agent.frameworks.length,
    ...Object.fromEntries(TASK_STATES.map((name) => [`slave/tasks_${name}`, countOf(`TASK_${name.toUpperCase()}`)])),
    'slave/executors_registering': registeringCount,
    'slave/executors_running': active.length - registeringCount - terminatingCount,
    'slave/executors_terminating': terminatingCount,
    'slave/executors_terminated': runs.filter((run) => !active.includes(run)).length,
    ...resourceMetrics(agent),
  };
}

function resourceMetrics(agent: Agent): Record<string, number> {
  const running = agent.frameworks
    .flatMap(({ runs }) => [...runs.values()])
    .filter((run) => !isTerminalState(run.state));
  const used = running.reduce<readonly Resource[]>((sum, { task }) => addResources(sum, task.resources ?? []), []);
  const metrics: Record<string, number> = {};
  for (const name of ['cpus', 'gpus', 'mem', 'disk']) {
    const totalAmount = scalarOf(agent.options.resources, name);
    const usedAmount = scalarOf(used, name);
    metrics[`slave/${name}_total`] = totalAmount;
    metrics[`slave/${name}_used`] = usedAmount;
    metrics[`slave/${name}_percent`] = totalAmount === 0 ? 0 : usedAmount / totalAmount;
  }
  return metrics;
}
