/**
 * `POST /api/v1/executor`: checks a call as upstream does, in its order and words, and hands it to the run of its executor.
 * @see src/slave/http.cpp executor()
 */
import {
  EventChannel,
  HttpError,
  acceptedContentType,
  acceptedReply,
  executorCallType,
  executorEventType,
  readCall,
  type ContentType,
  type ExecutorCall,
  type HttpReply,
  type HttpRequest,
} from '@drydock/mesos';
import type { Agent } from '../agent.ts';
import { CustomRun } from '../executor/custom-run.ts';
import { validateCall } from './validate-call.ts';

/** @see src/slave/constants.hpp DEFAULT_EXECUTOR_HEARTBEAT_INTERVAL */
const HEARTBEAT_MS = 30 * 60 * 1_000;

/** What an executor says goes on to the master with what the agent adds, and has to fit into a request there. */
const CALL_BYTES_MAX = 16 * 1024 * 1024 - 64 * 1024;

export async function handleExecutorCall(agent: Agent, request: HttpRequest): Promise<HttpReply> {
  if (request.body.byteLength > CALL_BYTES_MAX) {
    throw new HttpError(413, `Expecting a call of at most ${CALL_BYTES_MAX} bytes`);
  }
  const call = readCall(request, executorCallType);
  const problem = validateCall(call);
  if (problem !== undefined) throw new HttpError(400, `Failed to validate Executor::Call: ${problem}`);
  if (call.type === 'SUBSCRIBE') {
    const contentType = acceptedContentType(request);
    return subscribe(agent, findRun(agent, call), call, contentType);
  }
  const run = findRun(agent, call);
  if (!run.session.isSubscribed) throw new HttpError(403, 'Executor is not subscribed');
  switch (call.type) {
    case 'UPDATE':
      if (call.update !== undefined && (await run.session.update(call.update.status)) === 'congested') {
        throw new HttpError(503, 'Too much of the task waits to be acknowledged by its framework');
      }
      return acceptedReply();
    case 'MESSAGE':
      if (call.message !== undefined) await run.session.forward(call.message.data);
      return acceptedReply();
    case 'HEARTBEAT':
      return acceptedReply();
    default:
      throw new HttpError(501, '');
  }
}

function subscribe(agent: Agent, run: CustomRun, call: ExecutorCall, contentType: ContentType): HttpReply {
  // Its executor goes on, and the next agent is who it has to subscribe to.
  const isLeaving = agent.state === 'draining' || agent.state === 'stopped';
  if (isLeaving && !run.isEnding) throw new HttpError(503, 'Agent is shutting down');
  const channel = new EventChannel({ type: executorEventType, contentType });
  run.subscribe({ channel, agentInfo: agent.info, known: call.subscribe ?? {} });
  return channel.reply({ event: { type: 'HEARTBEAT' }, intervalMs: HEARTBEAT_MS, isLate: true });
}

/** Nobody speaks for an executor that the agent hosts. */
function findRun(
  agent: Agent,
  { framework_id: frameworkId, executor_id: { value: executorId } }: ExecutorCall,
): CustomRun {
  const framework = agent.findFramework(frameworkId.value);
  if (framework === undefined) throw new HttpError(400, 'Framework cannot be found');
  const { runs, completed } = framework;
  // Of a framework that was shut down an executor may still be on its way out.
  const run =
    runs.get(executorId) ?? completed.findLast(({ ids, hasEnded }) => ids.executorId === executorId && !hasEnded);
  if (run instanceof CustomRun) return run;
  throw new HttpError(400, 'Executor cannot be found');
}
