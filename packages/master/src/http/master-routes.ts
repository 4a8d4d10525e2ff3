import { jsonReply, textReply, type HttpRoute } from '@drydock/mesos';
import { handleAgentCall } from '../agent-link/agent-link.ts';
import { stateOf, type Master } from '../master.ts';
import { handleSchedulerCall } from '../scheduler-api/scheduler-api.ts';
import { masterState, type MasterStateFacts } from './master-state.ts';

/** The master's endpoints. `master` is asked for late, because its address is known only when the service listens. */
export function masterRoutes(master: () => Master, facts: MasterStateFacts): readonly HttpRoute[] {
  return [
    { method: 'POST', path: '/api/v1/scheduler', handle: (request) => handleSchedulerCall(master(), request) },
    { method: 'POST', path: '/api/v1/agent-link', handle: (request) => handleAgentCall(master(), request) },
    { method: 'GET', path: '/state', handle: () => jsonReply(masterState(master(), facts)) },
    { method: 'GET', path: '/health', handle: () => textReply(200, '') },
    { method: 'GET', path: '/flags', handle: () => jsonReply({ flags: facts.flags }) },
    { method: 'GET', path: '/version', handle: () => jsonReply({ version: master().options.version }) },
    { method: 'GET', path: '/metrics/snapshot', handle: () => jsonReply(metricsOf(master(), facts)) },
    {
      method: 'GET',
      path: '/redirect',
      handle: () => textReply(307, '', { Location: `//${master().options.hostname}:${master().options.port}` }),
    },
  ];
}

function metricsOf(master: Master, facts: MasterStateFacts): Record<string, number> {
  const frameworks = [...master.registry.frameworks.values()];
  const tasks = frameworks.flatMap((framework) => [...framework.tasks.values()]);
  const ended = [...frameworks, ...master.registry.completedFrameworks.values()].flatMap((one) => one.completedTasks);
  const countOf = (state: string): number => [...tasks, ...ended].filter((task) => stateOf(task) === state).length;
  const states = ['staging', 'starting', 'running', 'killing', 'finished', 'killed', 'failed', 'lost', 'error'];
  return {
    'master/elected': 1,
    'master/uptime_secs': Date.now() / 1000 - facts.startTime,
    'master/slaves_active': [...master.registry.agents.values()].filter(({ channel }) => channel !== undefined).length,
    'master/frameworks_connected': frameworks.filter(({ channel }) => channel !== undefined).length,
    'master/outstanding_offers': master.registry.offers.size,
    ...Object.fromEntries(states.map((name) => [`master/tasks_${name}`, countOf(`TASK_${name.toUpperCase()}`)])),
  };
}
