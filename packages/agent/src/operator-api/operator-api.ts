/**
 * `POST /api/v1` of the agent, the API of operators.
 * @see src/slave/http.cpp api(), src/slave/validation.cpp
 */
import { assert } from '@drydock/base/errors';
import {
  acceptedReply,
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
  if (call.type === 'LAUNCH_NESTED_CONTAINER' || call.type === 'LAUNCH_CONTAINER') {
    const launch = bodyOf(call.launch_nested_container ?? call.launch_container);
    return (await context.agent.operatorContainers.launch(launch)) ? doneReply() : acceptedReply();
  }
  const response = isCommonCall(call) ? await answerCommonCall(context.process, call) : await answer(context, call);
  return response === undefined ? doneReply() : messageReply(agentResponseType, response, contentType);
}

async function answer(
  { agent, cgroupsRoot }: AgentOperatorContext,
  call: AgentCall,
): Promise<AgentResponse | undefined> {
  const { operatorContainers: containers } = agent;
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
      return {
        type: call.type,
        get_containers: { containers: await getContainers(agent, cgroupsRoot, call.get_containers ?? {}) },
      };
    case 'GET_OPERATIONS':
      return { type: call.type, get_operations: {} };
    case 'GET_RESOURCE_PROVIDERS':
      return { type: call.type, get_resource_providers: {} };
    case 'WAIT_NESTED_CONTAINER':
      return {
        type: call.type,
        wait_nested_container: await containers.wait(bodyOf(call.wait_nested_container).container_id),
      };
    case 'WAIT_CONTAINER':
      return { type: call.type, wait_container: await containers.wait(bodyOf(call.wait_container).container_id) };
    case 'KILL_NESTED_CONTAINER':
    case 'KILL_CONTAINER': {
      const { container_id: id, signal } = bodyOf(call.kill_nested_container ?? call.kill_container);
      await containers.kill(id, signal);
      return undefined;
    }
    case 'REMOVE_NESTED_CONTAINER':
    case 'REMOVE_CONTAINER':
      await containers.remove(bodyOf(call.remove_nested_container ?? call.remove_container).container_id);
      return undefined;
    default:
      return refuseUnimplemented(call);
  }
}

/** The validation has seen that it is there. */
function bodyOf<T>(body: T | undefined): T {
  assert(body !== undefined, 'A call has its body');
  return body;
}
