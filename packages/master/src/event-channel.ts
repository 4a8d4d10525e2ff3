import { randomUUID } from 'node:crypto';
import { EventChannel, type ContentType, type HttpReply, type MessageType } from '@drydock/mesos';

/** @see src/master/constants.hpp DEFAULT_HEARTBEAT_INTERVAL */
export const HEARTBEAT_MS = 15_000;

/** The master's end of a peer that subscribes, whose calls must carry the id of its stream. */
export function createChannel<Event extends object>(
  type: MessageType<Event>,
  contentType: ContentType,
): EventChannel<Event> {
  return new EventChannel({ type, contentType, streamId: randomUUID() });
}

/** The answer that opens the stream of a peer. */
export function channelReply<Event extends object>(channel: EventChannel<Event>, heartbeat: Event): HttpReply {
  return channel.reply({ event: heartbeat, intervalMs: HEARTBEAT_MS, isLate: false });
}
