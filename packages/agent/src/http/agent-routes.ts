import { jsonReply, textReply, type HttpRoute, type VirtualFiles } from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import { agentContainers, agentStatistics } from './agent-containers.ts';
import { agentMetrics } from './agent-metrics.ts';
import { agentState, type AgentStateFacts } from './agent-state.ts';

/** The agent's endpoints. `agent` is asked for late, because the service has to listen before the agent can register. */
export function agentRoutes(agent: () => Agent, files: VirtualFiles, facts: AgentStateFacts): readonly HttpRoute[] {
  return [
    { method: 'GET', path: '/state', handle: () => jsonReply(agentState(agent(), facts)) },
    { method: 'GET', path: '/health', handle: () => textReply(200, '') },
    { method: 'GET', path: '/flags', handle: () => jsonReply({ flags: facts.flags }) },
    { method: 'GET', path: '/version', handle: () => jsonReply({ version: agent().options.version }) },
    { method: 'GET', path: '/containers', handle: () => jsonReply(agentContainers(agent())) },
    {
      method: 'GET',
      path: '/monitor/statistics',
      handle: async () => jsonReply(await agentStatistics(agent(), facts.flags['cgroups_root'])),
    },
    { method: 'GET', path: '/metrics/snapshot', handle: () => jsonReply(agentMetrics(agent(), facts.startTime)) },
    ...files.routes,
  ];
}
