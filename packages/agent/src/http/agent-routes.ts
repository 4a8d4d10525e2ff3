import {
  LoggingLevel,
  jsonReply,
  processRoutes,
  type HttpRoute,
  type ProcessFacts,
  type ProcessReadSide,
  type VirtualFiles,
} from '@drydock/mesos';
import type { DockerVolumeStatus } from '@drydock/isolator';
import type { Agent } from '../agent.ts';
import { handleExecutorCall } from '../executor-api/executor-api.ts';
import { handleAgentCall } from '../operator-api/operator-api.ts';
import { agentContainers, agentStatistics, pendingOperations } from './agent-containers.ts';
import { agentMetrics } from './agent-metrics.ts';
import { agentState } from './agent-state.ts';

/**
 * The agent's endpoints. `agent` is asked for late, because the service has to listen before the agent can register.
 * `volumes` is what the docker/volume isolator tells; undefined without it.
 */
export function agentRoutes(
  agent: () => Agent,
  files: VirtualFiles,
  facts: ProcessFacts,
  volumes: () => DockerVolumeStatus | undefined = () => undefined,
): readonly HttpRoute[] {
  const logging = new LoggingLevel(() => agent().options.logger);
  const cgroupsRoot = facts.flags['cgroups_root'];
  const process: ProcessReadSide = {
    flags: facts.flags,
    version: () => ({ version: agent().options.version, ...facts.build }),
    metrics: () => agentMetrics(agent(), facts.startTime, volumes()),
    logging,
    files,
  };
  const routes: readonly HttpRoute[] = [
    {
      method: 'POST',
      path: '/api/v1',
      handle: async (request) => await handleAgentCall({ agent: agent(), process, cgroupsRoot }, request),
    },
    {
      method: 'POST',
      path: '/api/v1/executor',
      handle: async (request) => await handleExecutorCall(agent(), request),
    },
    { method: 'GET', path: '/state', handle: () => jsonReply(agentState(agent(), facts, process.version())) },
    {
      method: 'GET',
      path: '/containers',
      handle: async () => jsonReply(await agentContainers(agent(), volumes(), cgroupsRoot)),
    },
    {
      method: 'GET',
      path: '/containerizer/debug',
      handle: () => jsonReply({ pending: pendingOperations(agent()) }),
    },
    {
      method: 'GET',
      path: '/monitor/statistics',
      handle: async () => jsonReply(await agentStatistics(agent(), cgroupsRoot)),
    },
    ...processRoutes(process),
  ];
  return routes.map((route) => logging.logged(route));
}
