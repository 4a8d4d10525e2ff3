/**
 * `POST /api/v1/scheduler`: checks a call as upstream does, in its order and words, and hands it to its handler.
 * @see src/master/http.cpp scheduler(), src/master/validation.cpp
 */
import {
  HttpError,
  acceptedContentType,
  acceptedReply,
  readCall,
  schedulerCallType,
  schedulerEventType,
  validateId,
  type HttpReply,
  type HttpRequest,
  type SchedulerCall,
  type SchedulerEvent,
} from '@drydock/mesos';
import { EventChannel } from '../event-channel.ts';
import type { Master } from '../master.ts';
import type { FrameworkRecord } from '../registry.ts';
import { accept, decline } from './accept.ts';
import { acknowledge, kill, reconcile } from './tasks.ts';

export function handleSchedulerCall(master: Master, request: HttpRequest): HttpReply {
  const call = readCall(request, schedulerCallType);
  const problem = validateCall(call);
  if (problem !== undefined) throw new HttpError(400, `Failed to validate scheduler::Call: ${problem}`);
  const streamId = request.headers['mesos-stream-id'];
  if (call.type === 'SUBSCRIBE') return subscribe(master, request, call);

  const framework = master.registry.frameworks.get(call.framework_id?.value ?? '');
  if (framework === undefined) throw new HttpError(400, 'Framework cannot be found');
  if (framework.channel === undefined) throw new HttpError(403, 'Framework is not subscribed');
  if (streamId === undefined) {
    throw new HttpError(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
  }
  if (streamId !== framework.channel.streamId) {
    throw new HttpError(
      400,
      `The stream ID '${String(streamId)}' included in this request didn't match the stream ID currently associated with framework ID ${framework.id}`,
    );
  }
  handle(master, framework, call);
  return acceptedReply();
}

function subscribe(master: Master, request: HttpRequest, call: SchedulerCall): HttpReply {
  const contentType = acceptedContentType(request);
  if (request.headers['mesos-stream-id'] !== undefined) {
    throw new HttpError(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
  }
  const info = call.subscribe?.framework_info;
  if (info === undefined) throw new HttpError(400, "Expecting 'subscribe' to be present");
  const channel = new EventChannel<SchedulerEvent>(schedulerEventType, contentType);
  // An empty id counts as none; any other becomes the name of a directory on the agents.
  const id = info.id?.value ?? '';
  const problem = id === '' ? undefined : validateId(id);
  if (problem === undefined) {
    master.subscribe(info, channel);
  } else {
    channel.send({ type: 'ERROR', error: { message: problem } });
    channel.end();
  }
  return channel.reply({ type: 'HEARTBEAT' });
}

function handle(master: Master, framework: FrameworkRecord, call: SchedulerCall): void {
  switch (call.type) {
    case 'TEARDOWN':
      return master.removeFramework(framework);
    case 'ACCEPT':
      return accept(master, framework, call.accept ?? {});
    case 'DECLINE':
      return decline(master, framework, call.decline ?? {});
    case 'REVIVE':
      framework.filters.clear();
      framework.isSuppressed = false;
      return master.allocateSoon();
    case 'SUPPRESS':
      framework.isSuppressed = true;
      return;
    case 'KILL':
      if (call.kill !== undefined) kill(master, framework, call.kill);
      return;
    case 'ACKNOWLEDGE':
      if (call.acknowledge !== undefined) acknowledge(master, framework, call.acknowledge);
      return;
    case 'RECONCILE':
      return reconcile(framework, call.reconcile?.tasks ?? []);
    case 'REQUEST':
      // The allocator takes no requests, as upstream's.
      return;
    default:
      throw new HttpError(501, `Call ${call.type ?? 'UNKNOWN'} is not implemented`);
  }
}

/** Calls whose body has the call's name, in lower case. */
const BODIES = ['accept', 'decline', 'kill', 'shutdown', 'acknowledge', 'reconcile', 'message', 'request'] as const;
const UUID_BYTE_COUNT = 16;

function validateCall(call: SchedulerCall): string | undefined {
  if (call.type === undefined) return "Expecting 'type' to be present";
  if (call.type === 'SUBSCRIBE') {
    if (call.subscribe === undefined) return "Expecting 'subscribe' to be present";
    return call.subscribe.framework_info.id?.value === call.framework_id?.value
      ? undefined
      : "'framework_id' differs from 'subscribe.framework_info.id'";
  }
  if (call.framework_id === undefined) return "Expecting 'framework_id' to be present";
  const body = BODIES.find((name) => name.toUpperCase() === call.type);
  if (body !== undefined && call[body] === undefined) return `Expecting '${body}' to be present`;
  const uuid = call.acknowledge?.uuid;
  if (call.type === 'ACKNOWLEDGE' && uuid?.byteLength !== UUID_BYTE_COUNT) {
    return `Not a valid UUID: expecting ${UUID_BYTE_COUNT} bytes, got ${uuid?.byteLength ?? 0}`;
  }
  return undefined;
}
