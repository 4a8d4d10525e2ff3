import {
  formatAddress,
  HttpError,
  LoggingLevel,
  VirtualFiles,
  jsonReply,
  processRoutes,
  textReply,
  type HttpReply,
  type HttpRequest,
  type HttpRoute,
  type ProcessFacts,
  type ProcessReadSide,
} from '@drydock/mesos';
import { handleAgentCall } from '../agent-link/agent-link.ts';
import type { Master } from '../master.ts';
import { handleMasterCall, teardown } from '../operator-api/operator-api.ts';
import { OperatorSubscribers } from '../operator-api/operator-subscribers.ts';
import { handleSchedulerCall } from '../scheduler-api/scheduler-api.ts';
import { masterMetrics } from './master-metrics.ts';
import { masterRoles } from './master-roles.ts';
import { masterAgents, masterFrameworks, masterState } from './master-state.ts';
import { masterTasks } from './master-tasks.ts';
import { stateSummary } from './state-summary.ts';

/**
 * The master's endpoints. `started` is asked for late, because the master's address is known only when the service
 * listens; until it gives one, what needs the master answers 503. `files` has what `/files/*` shows.
 */
export function masterRoutes(
  started: () => Master | undefined,
  facts: ProcessFacts,
  files: VirtualFiles = new VirtualFiles(),
): readonly HttpRoute[] {
  const { startTime } = facts;
  const master = (): Master => {
    const found = started();
    // There is nothing to recover and one master only: this is all that a master which does not lead yet can be.
    if (found === undefined) throw new HttpError(503, 'Master has not finished recovery');
    return found;
  };
  const logging = new LoggingLevel(() => master().options.logger);
  const subscribers = new OperatorSubscribers(master);
  const process: ProcessReadSide = {
    flags: facts.flags,
    version: () => ({ version: master().options.version, ...facts.build }),
    metrics: () => masterMetrics(master(), startTime),
    logging,
    files,
  };
  const operator = async (request: HttpRequest): Promise<HttpReply> =>
    await handleMasterCall({ master: master(), process, subscribers, startTime }, request);
  const routes: readonly HttpRoute[] = [
    { method: 'POST', path: '/api/v1', handle: operator },
    { method: 'POST', path: '/api/v1/scheduler', handle: (request) => handleSchedulerCall(master(), request) },
    { method: 'POST', path: '/api/v1/agent-link', handle: (request) => handleAgentCall(master(), request) },
    { method: 'GET', path: '/state', handle: () => jsonReply(masterState(master(), facts, process.version())) },
    { method: 'GET', path: '/state-summary', handle: () => jsonReply(stateSummary(master(), facts)) },
    { method: 'GET', path: '/slaves', handle: () => jsonReply(masterAgents(master())) },
    { method: 'GET', path: '/frameworks', handle: () => jsonReply(masterFrameworks(master())) },
    { method: 'GET', path: '/tasks', handle: ({ query }) => jsonReply(masterTasks(master(), query)) },
    { method: 'GET', path: '/roles', handle: () => jsonReply(masterRoles(master())) },
    { method: 'POST', path: '/teardown', handle: (request) => teardownByForm(master(), request) },
    {
      method: 'GET',
      path: '/redirect',
      handle: () => {
        const { hostname: ip, port } = master().options;
        return textReply(307, '', { Location: `//${formatAddress({ ip, port })}` });
      },
    },
    ...SETTINGS,
    ...processRoutes(process),
  ];
  return routes.map((route) => logging.logged(route));
}

/** What can be looked at and not be set: it is always as it was at the start. */
const SETTINGS: readonly HttpRoute[] = [
  { method: 'GET', path: '/maintenance/schedule', handle: () => jsonReply({ windows: [] }) },
  { method: 'POST', path: '/maintenance/schedule', handle: () => notImplemented('Setting a maintenance schedule') },
  {
    method: 'GET',
    path: '/maintenance/status',
    handle: () => jsonReply({ draining_machines: [], down_machines: [] }),
  },
  { method: 'GET', path: '/quota', handle: () => jsonReply({}) },
  { method: 'POST', path: '/quota', handle: () => notImplemented('Setting a quota') },
  { method: 'GET', path: '/weights', handle: () => jsonReply([]) },
];

function notImplemented(what: string): never {
  throw new HttpError(501, `${what} is not implemented`);
}

/** `/teardown`, whose body is `frameworkId=<id>`. @see src/master/http.cpp teardown */
function teardownByForm(master: Master, { body }: HttpRequest): HttpReply {
  const id = new URLSearchParams(Buffer.from(body).toString()).get('frameworkId');
  if (id === null) throw new HttpError(400, "Missing 'frameworkId' query parameter");
  return teardown(master, id);
}
