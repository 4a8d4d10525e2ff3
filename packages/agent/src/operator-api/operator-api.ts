/**
 * `POST /api/v1` of the agent, the API of operators.
 * @see src/slave/http.cpp api(), src/slave/validation.cpp
 */
import {
  agentCallType,
  agentResponseType,
  answerCommonCall,
  doneReply,
  isCommonCall,
  messageReply,
  readOperatorCall,
  refuseUnimplemented,
  validateContainerCall,
  type AgentCall,
  type AgentResponse,
  type HttpReply,
  type HttpRequest,
  type OperatorApi,
  type ProcessReadSide,
} from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import { getAgent, getContainers, getExecutors, getFrameworks, getTasks } from './agent-answers.ts';

const API: OperatorApi<AgentCall, AgentResponse> = {
  name: 'agent::Call',
  callType: agentCallType,
  responseType: agentResponseType,
  withOptionalBody: new Set(['GET_CONTAINERS', 'PRUNE_IMAGES']),
  validate: validateContainerCall,
};

export interface AgentOperatorContext {
  readonly agent: Agent;
  readonly process: ProcessReadSide;
  /** `--cgroups_root`: the parent of the containers' groups. */
  readonly cgroupsRoot: string | undefined;
}

/** @throws HttpError */
export async function handleAgentCall(context: AgentOperatorContext, request: HttpRequest): Promise<HttpReply> {
  const { call, contentType } = readOperatorCall(API, request);
  const response = isCommonCall(call) ? await answerCommonCall(context.process, call) : await answer(context, call);
  return response === undefined ? doneReply() : messageReply(agentResponseType, response, contentType);
}

async function answer({ agent, cgroupsRoot }: AgentOperatorContext, call: AgentCall): Promise<AgentResponse> {
  switch (call.type) {
    case 'GET_STATE':
      return {
        type: call.type,
        get_state: {
          get_tasks: getTasks(agent),
          get_executors: getExecutors(agent),
          get_frameworks: getFrameworks(agent),
        },
      };
    case 'GET_AGENT':
      return { type: call.type, get_agent: getAgent(agent) };
    case 'GET_FRAMEWORKS':
      return { type: call.type, get_frameworks: getFrameworks(agent) };
    case 'GET_EXECUTORS':
      return { type: call.type, get_executors: getExecutors(agent) };
    case 'GET_TASKS':
      return { type: call.type, get_tasks: getTasks(agent) };
    case 'GET_CONTAINERS':
      // Every container is one of an executor: there are no nested and no standalone ones to leave out.
      return { type: call.type, get_containers: { containers: await getContainers(agent, cgroupsRoot) } };
    case 'GET_OPERATIONS':
      return { type: call.type, get_operations: {} };
    case 'GET_RESOURCE_PROVIDERS':
      return { type: call.type, get_resource_providers: {} };
    default:
      return refuseUnimplemented(call);
  }
}
