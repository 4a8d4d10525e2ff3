import { isTerminalState, jsonReply, textReply, type HttpRoute, type VirtualFiles } from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import { agentState, type AgentStateFacts } from './agent-state.ts';

/** The agent's endpoints. `agent` is asked for late, because the service has to listen before the agent can register. */
export function agentRoutes(agent: () => Agent, files: VirtualFiles, facts: AgentStateFacts): readonly HttpRoute[] {
  return [
    { method: 'GET', path: '/state', handle: () => jsonReply(agentState(agent(), facts)) },
    { method: 'GET', path: '/health', handle: () => textReply(200, '') },
    { method: 'GET', path: '/flags', handle: () => jsonReply({ flags: facts.flags }) },
    { method: 'GET', path: '/version', handle: () => jsonReply({ version: agent().options.version }) },
    { method: 'GET', path: '/containers', handle: () => jsonReply(containersOf(agent())) },
    { method: 'GET', path: '/metrics/snapshot', handle: () => jsonReply(metricsOf(agent(), facts)) },
    ...files.routes,
  ];
}

/** Every container that is not cleaned up yet. */
function containersOf(agent: Agent): readonly Record<string, unknown>[] {
  return agent.activeRuns.map((run) => ({
    container_id: run.containerId.value,
    framework_id: run.ids.frameworkId,
    executor_id: run.ids.executorId,
    executor_name: run.task.name,
    source: run.ids.executorId,
    status: { container_id: run.containerId },
  }));
}

function metricsOf(agent: Agent, facts: AgentStateFacts): Record<string, number> {
  const states = agent.frameworks.flatMap(({ runs }) => [...runs.values()].map((run) => run.state));
  const countOf = (state: string): number => states.filter((one) => one === state).length;
  return {
    'slave/uptime_secs': Date.now() / 1000 - facts.startTime,
    'slave/registered': agent.id === undefined ? 0 : 1,
    'slave/frameworks_active': agent.frameworks.length,
    'slave/tasks_staging': countOf('TASK_STAGING'),
    'slave/tasks_starting': countOf('TASK_STARTING'),
    'slave/tasks_running': countOf('TASK_RUNNING'),
    'slave/tasks_killing': countOf('TASK_KILLING'),
    'slave/executors_terminating': agent.activeRuns.filter((run) => isTerminalState(run.state)).length,
  };
}
