import { jsonReply, textReply, type HttpRoute } from '@drydock/mesos';
import { handleAgentCall } from '../agent-link/agent-link.ts';
import type { Master } from '../master.ts';
import { handleSchedulerCall } from '../scheduler-api/scheduler-api.ts';
import { masterMetrics } from './master-metrics.ts';
import { masterRoles } from './master-roles.ts';
import { masterAgents, masterFrameworks, masterState, type MasterStateFacts } from './master-state.ts';
import { masterTasks } from './master-tasks.ts';
import { stateSummary } from './state-summary.ts';

/** The master's endpoints. `master` is asked for late, because its address is known only when the service listens. */
export function masterRoutes(master: () => Master, facts: MasterStateFacts): readonly HttpRoute[] {
  return [
    { method: 'POST', path: '/api/v1/scheduler', handle: (request) => handleSchedulerCall(master(), request) },
    { method: 'POST', path: '/api/v1/agent-link', handle: (request) => handleAgentCall(master(), request) },
    { method: 'GET', path: '/state', handle: () => jsonReply(masterState(master(), facts)) },
    { method: 'GET', path: '/state-summary', handle: () => jsonReply(stateSummary(master(), facts)) },
    { method: 'GET', path: '/slaves', handle: () => jsonReply(masterAgents(master())) },
    { method: 'GET', path: '/frameworks', handle: () => jsonReply(masterFrameworks(master())) },
    { method: 'GET', path: '/tasks', handle: ({ query }) => jsonReply(masterTasks(master(), query)) },
    { method: 'GET', path: '/roles', handle: () => jsonReply(masterRoles(master())) },
    // Nothing can be scheduled: there is no POST.
    { method: 'GET', path: '/maintenance/schedule', handle: () => jsonReply({ windows: [] }) },
    { method: 'GET', path: '/health', handle: () => textReply(200, '') },
    { method: 'GET', path: '/flags', handle: () => jsonReply({ flags: facts.flags }) },
    { method: 'GET', path: '/version', handle: () => jsonReply({ version: master().options.version }) },
    { method: 'GET', path: '/metrics/snapshot', handle: () => jsonReply(masterMetrics(master(), facts.startTime)) },
    {
      method: 'GET',
      path: '/redirect',
      handle: () => textReply(307, '', { Location: `//${master().options.hostname}:${master().options.port}` }),
    },
  ];
}
