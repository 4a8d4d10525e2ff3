/**
 * Files of protobuf messages as upstream writes them: each message behind its length, four bytes in the order of the
 * machine, which is little-endian on all that Drydock runs on.
 * @see 3rdparty/stout/include/stout/protobuf.hpp read, write, append
 */
import { open, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import { decode, encode, type MessageType } from '@drydock/mesos';

/** A file is not what it should be; the message names it. */
export class MessageFileError extends DomainError<'MESSAGE_FILE'> {
  readonly code = 'MESSAGE_FILE';
}

const LENGTH_BYTES = 4;

function toRecord<T extends object>(type: MessageType<T>, message: T): Buffer {
  const body = encode(type, message, 'application/x-protobuf');
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}

/** Replaces the file in one step, durably. */
export async function writeMessage<T extends object>(path: string, type: MessageType<T>, message: T): Promise<void> {
  await writeFileAtomic(path, toRecord(type, message));
}

/**
 * The one message of a file; undefined when the file is missing or empty.
 * @throws MessageFileError
 */
export async function readMessage<T>(path: string, type: MessageType<T>): Promise<T | undefined> {
  const { messages, wholeByteCount, byteCount } = await readMessages(path, type);
  if (byteCount === 0) return undefined;
  const [message] = messages;
  if (message === undefined || messages.length > 1 || wholeByteCount !== byteCount) {
    throw new MessageFileError(`Failed to read '${path}': expected one message of type ${type.name}`);
  }
  return message;
}

export interface MessagesOfFile<T> {
  readonly messages: readonly T[];
  /** Up to here the file has whole messages; what follows was cut off while it was written. */
  readonly wholeByteCount: number;
  readonly byteCount: number;
}

/**
 * All whole messages of a file; none when it is missing.
 * @throws MessageFileError when a whole one cannot be decoded
 */
export async function readMessages<T>(path: string, type: MessageType<T>): Promise<MessagesOfFile<T>> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return { messages: [], wholeByteCount: 0, byteCount: 0 };
    throw new MessageFileError(`Failed to read '${path}': ${messageOf(error)}`, { cause: error });
  }
  const messages: T[] = [];
  let at = 0;
  while (at + LENGTH_BYTES <= bytes.length) {
    const end = at + LENGTH_BYTES + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    try {
      messages.push(decode(type, bytes.subarray(at + LENGTH_BYTES, end), 'application/x-protobuf'));
    } catch (error) {
      throw new MessageFileError(`Failed to read '${path}' at byte ${at}: ${messageOf(error)}`, { cause: error });
    }
    at = end;
  }
  return { messages, wholeByteCount: at, byteCount: bytes.length };
}

/**
 * Appends a message; it is durable when the call resolves, and nothing of it is there when it fails. The directory must
 * exist. One call at a time per file.
 */
export async function appendMessage<T extends object>(path: string, type: MessageType<T>, message: T): Promise<void> {
  await using file = await open(path, 'a', 0o600);
  const { size } = await file.stat();
  try {
    await file.appendFile(toRecord(type, message));
    await file.datasync();
  } catch (error) {
    // A part of it would make what is appended later unreadable.
    await file.truncate(size);
    throw error;
  }
}

/** Cuts off what was not written to its end. */
export async function truncateFile(path: string, byteCount: number): Promise<void> {
  await using file = await open(path, 'r+');
  await file.truncate(byteCount);
  await file.sync();
}
