/**
 * `POST /api/v1` of the master, the API of operators.
 * @see src/master/http.cpp api(), src/master/validation.cpp master::call::validate
 */
import {
  HttpError,
  answerCommonCall,
  doneReply,
  isCommonCall,
  masterCallType,
  masterResponseType,
  messageReply,
  readOperatorCall,
  refuseUnimplemented,
  type HttpReply,
  type HttpRequest,
  type MasterCall,
  type MasterResponse,
  type OperatorApi,
  type ProcessReadSide,
} from '@drydock/mesos';
import type { Master } from '../master.ts';
import { getAgents, getExecutors, getFrameworks, getRoles, getState, getTasks } from './master-answers.ts';
import type { OperatorSubscribers } from './operator-subscribers.ts';

const API: OperatorApi<MasterCall, MasterResponse> = {
  name: 'master::Call',
  callType: masterCallType,
  responseType: masterResponseType,
};

export interface MasterOperatorContext {
  readonly master: Master;
  readonly process: ProcessReadSide;
  readonly subscribers: OperatorSubscribers;
  /** Seconds since the epoch. */
  readonly startTime: number;
}

/** @throws HttpError */
export async function handleMasterCall(context: MasterOperatorContext, request: HttpRequest): Promise<HttpReply> {
  const { call, contentType } = readOperatorCall(API, request);
  if (isCommonCall(call)) {
    const response = await answerCommonCall(context.process, call);
    return response === undefined ? doneReply() : messageReply(masterResponseType, response, contentType);
  }
  switch (call.type) {
    case 'SUBSCRIBE':
      return context.subscribers.subscribe(contentType);
    case 'TEARDOWN':
      return teardown(context.master, call.teardown?.framework_id.value ?? '');
    case 'MARK_AGENT_GONE':
      return markAgentGone(context.master, call.mark_agent_gone?.agent_id.value ?? '');
    default:
      return messageReply(masterResponseType, answer(context, call), contentType);
  }
}

/**
 * Ends a framework and its tasks, as its own TEARDOWN does.
 * @throws HttpError 400 when it is not there
 */
export function teardown(master: Master, frameworkId: string): HttpReply {
  const framework = master.registry.frameworks.get(frameworkId);
  if (framework === undefined) throw new HttpError(400, 'No framework found with specified ID');
  master.frameworks.remove(framework);
  return doneReply();
}

/** An agent that is gone already stays so. @throws HttpError 404 when there is no such agent */
function markAgentGone(master: Master, agentId: string): HttpReply {
  if (!master.agents.markGone(agentId)) throw new HttpError(404, '');
  return doneReply();
}

function answer({ master, startTime }: MasterOperatorContext, call: MasterCall): MasterResponse {
  switch (call.type) {
    case 'GET_STATE':
      return { type: call.type, get_state: getState(master) };
    case 'GET_AGENTS':
      return { type: call.type, get_agents: getAgents(master) };
    case 'GET_FRAMEWORKS':
      return { type: call.type, get_frameworks: getFrameworks(master) };
    case 'GET_EXECUTORS':
      return { type: call.type, get_executors: getExecutors(master) };
    case 'GET_OPERATIONS':
      return { type: call.type, get_operations: {} };
    case 'GET_TASKS':
      return { type: call.type, get_tasks: getTasks(master) };
    case 'GET_ROLES':
      return { type: call.type, get_roles: getRoles(master) };
    case 'GET_MASTER':
      return {
        type: call.type,
        get_master: { master_info: master.info, start_time: startTime, elected_time: startTime },
      };
    // None of these can be set.
    case 'GET_WEIGHTS':
      return { type: call.type, get_weights: {} };
    case 'GET_QUOTA':
      return { type: call.type, get_quota: { status: {} } };
    case 'GET_MAINTENANCE_STATUS':
      return { type: call.type, get_maintenance_status: { status: {} } };
    case 'GET_MAINTENANCE_SCHEDULE':
      return { type: call.type, get_maintenance_schedule: { schedule: {} } };
    default:
      return refuseUnimplemented(call);
  }
}
