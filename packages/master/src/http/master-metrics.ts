/**
 * The master's `/metrics/snapshot`. Only what the master knows is there: a name that is missing is not measured.
 * @see docs/monitoring.md, src/master/metrics.cpp
 */
import { scalarOf } from '@drydock/mesos';
import { stateOf, sumOf, type Master } from '../master.ts';
import { allTasks } from './master-tasks.ts';

/** Of tasks that have not ended; the others are counted when they end. */
const TASK_STATES = ['staging', 'starting', 'running', 'killing', 'unreachable'] as const;

/** `startTime` is in seconds since the epoch. */
export function masterMetrics(master: Master, startTime: number): Record<string, number> {
  const { registry } = master;
  const frameworks = [...registry.frameworks.values()];
  const agents = [...registry.agents.values()];
  const connectedAgentCount = agents.filter(({ channel }) => channel !== undefined).length;
  const connectedCount = frameworks.filter(({ channel }) => channel !== undefined).length;
  const tasks = allTasks(master);
  const countOf = (state: string): number => tasks.filter((task) => stateOf(task) === state).length;
  return {
    'master/elected': 1,
    'master/uptime_secs': Date.now() / 1000 - startTime,
    'master/slaves_active': connectedAgentCount,
    'master/slaves_connected': connectedAgentCount,
    'master/slaves_inactive': agents.length - connectedAgentCount,
    'master/slaves_disconnected': agents.length - connectedAgentCount,
    'master/frameworks_active': connectedCount,
    'master/frameworks_connected': connectedCount,
    'master/frameworks_inactive': frameworks.length - connectedCount,
    'master/frameworks_disconnected': frameworks.length - connectedCount,
    'master/outstanding_offers': registry.offers.size,
    ...Object.fromEntries(TASK_STATES.map((name) => [`master/tasks_${name}`, countOf(`TASK_${name.toUpperCase()}`)])),
    ...master.counters.snapshot(),
    ...resourceMetrics(master),
  };
}

/** Of every registered agent, connected or not, as upstream counts them. */
function resourceMetrics(master: Master): Record<string, number> {
  const agents = [...master.registry.agents.values()];
  const total = sumOf(agents.map(({ info }) => info.resources));
  const used = sumOf(agents.map((agent) => agent.used));
  const metrics: Record<string, number> = {};
  for (const name of ['cpus', 'gpus', 'mem', 'disk']) {
    const totalAmount = scalarOf(total, name);
    const usedAmount = scalarOf(used, name);
    metrics[`master/${name}_total`] = totalAmount;
    metrics[`master/${name}_used`] = usedAmount;
    metrics[`master/${name}_percent`] = totalAmount === 0 ? 0 : usedAmount / totalAmount;
  }
  return metrics;
}
