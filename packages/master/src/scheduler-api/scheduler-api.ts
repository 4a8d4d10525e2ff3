/**
 * `POST /api/v1/scheduler`: checks a call as upstream does, in its order and words, and hands it to its handler.
 * @see src/master/http.cpp scheduler()
 */
import {
  HttpError,
  acceptedContentType,
  acceptedReply,
  readCall,
  schedulerCallType,
  schedulerEventType,
  textReply,
  type HttpReply,
  type HttpRequest,
  type SchedulerCall,
} from '@drydock/mesos';
import { channelReply, createChannel } from '../event-channel.ts';
import type { Master } from '../master.ts';
import type { FrameworkRecord } from '../registry.ts';
import { accept, decline } from './accept.ts';
import { message, shutdown } from './executors.ts';
import { reconcile, reconcileOperations } from './reconcile.ts';
import { revive, suppress } from './roles.ts';
import { acknowledge, kill } from './tasks.ts';
import { validateCall } from './validate-call.ts';

export function handleSchedulerCall(master: Master, request: HttpRequest): HttpReply {
  const call = readCall(request, schedulerCallType);
  const problem = validateCall(call);
  if (problem !== undefined) throw new HttpError(400, `Failed to validate scheduler::Call: ${problem}`);
  if (call.type === 'SUBSCRIBE') return subscribe(master, request, call);
  // Upstream looks at what the other calls accept only where it once had an answer to send.
  if (call.type === 'RECONCILE_OPERATIONS') acceptedContentType(request);

  const framework = master.registry.frameworks.get(call.framework_id?.value ?? '');
  if (framework === undefined) throw new HttpError(400, 'Framework cannot be found');
  if (framework.channel === undefined) throw new HttpError(403, 'Framework is not subscribed');
  const streamId = request.headers['mesos-stream-id'];
  if (streamId === undefined) {
    throw new HttpError(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
  }
  if (streamId !== framework.channel.streamId) {
    throw new HttpError(
      400,
      `The stream ID '${String(streamId)}' included in this request didn't match the stream ID currently associated with framework ID ${framework.id}`,
    );
  }
  return handle(master, framework, call);
}

function subscribe(master: Master, request: HttpRequest, call: SchedulerCall): HttpReply {
  const contentType = acceptedContentType(request);
  if (request.headers['mesos-stream-id'] !== undefined) {
    throw new HttpError(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
  }
  if (call.subscribe === undefined) throw new HttpError(400, "Expecting 'subscribe' to be present");
  const channel = createChannel(schedulerEventType, contentType);
  const problem = master.frameworks.subscribe(call.subscribe, channel);
  if (problem === undefined) return channelReply(channel, { type: 'HEARTBEAT' });
  master.options.logger.info('Refusing the subscription of a framework', { problem });
  return channel.refusal({ type: 'ERROR', error: { message: problem } });
}

/** Every call but SUBSCRIBE; `validateCall` has seen that its body is there. */
function handle(master: Master, framework: FrameworkRecord, call: SchedulerCall): HttpReply {
  switch (call.type) {
    case 'TEARDOWN':
      master.counters.count('messages_unregister_framework');
      master.frameworks.remove(framework);
      break;
    case 'ACCEPT':
      accept(master, framework, call.accept ?? {});
      break;
    case 'DECLINE':
      decline(master, framework, call.decline ?? {});
      break;
    case 'ACCEPT_INVERSE_OFFERS':
    case 'DECLINE_INVERSE_OFFERS':
      // No maintenance can be scheduled here, so there never is one; upstream ignores those that it does not know.
      master.options.logger.warning('Ignoring an answer to inverse offers that are not valid', { type: call.type });
      break;
    case 'REVIVE':
      revive(master, framework, call.revive?.roles ?? []);
      break;
    case 'SUPPRESS':
      suppress(master, framework, call.suppress?.roles ?? []);
      break;
    case 'KILL':
      if (call.kill !== undefined) kill(master, framework, call.kill);
      break;
    case 'SHUTDOWN':
      if (call.shutdown !== undefined) shutdown(master, framework, call.shutdown);
      break;
    case 'ACKNOWLEDGE':
      if (call.acknowledge !== undefined) acknowledge(master, framework, call.acknowledge);
      break;
    case 'ACKNOWLEDGE_OPERATION_STATUS':
      // As upstream for an operation that it does not know; here no operation ever gets a status to acknowledge.
      master.counters.count('messages_operation_status_update_acknowledgement');
      break;
    case 'RECONCILE':
      reconcile(master, framework, call.reconcile?.tasks ?? []);
      break;
    case 'RECONCILE_OPERATIONS':
      reconcileOperations(master, framework, call.reconcile_operations?.operations ?? []);
      break;
    case 'MESSAGE':
      if (call.message !== undefined) message(master, framework, call.message);
      break;
    case 'REQUEST':
      // The allocator takes no requests, as upstream's.
      master.counters.count('messages_resource_request');
      break;
    case 'UPDATE_FRAMEWORK':
      return updateFramework(master, framework, call);
    default:
      throw new HttpError(501, '');
  }
  return acceptedReply();
}

function updateFramework(master: Master, framework: FrameworkRecord, call: SchedulerCall): HttpReply {
  const problem = call.update_framework && master.frameworks.update(framework, call.update_framework);
  if (problem !== undefined) throw new HttpError(400, problem);
  return textReply(200, '');
}
