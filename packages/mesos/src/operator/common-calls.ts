/**
 * The calls that the operator APIs of master and agent have in common, and how any call is read and answered.
 * @see src/master/http.cpp api(), src/slave/http.cpp api(), src/master/validation.cpp, src/slave/validation.cpp
 */
import { encode, type ContentType } from '../codec/codec.ts';
import type { MessageType } from '../codec/schema.ts';
import type { DirectoryEntry } from '../files/virtual-files.ts';
import { acceptedContentType, readCall } from '../http/content-negotiation.ts';
import { HttpError, bytesReply, textReply, type HttpReply } from '../http/reply.ts';
import type { HttpRequest } from '../http/service.ts';
import type { CommonCallBodies, CommonCallType, CommonResponse, FileInfo } from './common-messages.ts';
import type { ProcessReadSide } from './process-read-side.ts';

const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/** A call of either API. */
interface OperatorCall extends CommonCallBodies {
  readonly type?: string;
}

/** Whether a call that passed `validateCall` is one of those that both APIs have. */
type CommonCall = OperatorCall & { readonly type: CommonCallType };

export interface OperatorApi<Call extends OperatorCall, Response extends object> {
  /** In messages, e.g. `master::Call`. */
  readonly name: string;
  readonly callType: MessageType<Call>;
  readonly responseType: MessageType<Response>;
  /** Types of calls that may come without their body. */
  readonly withOptionalBody?: ReadonlySet<Call['type']>;
  /** Why a call that has its body contradicts itself, in upstream's words, or undefined. */
  readonly validate?: (call: Call) => string | undefined;
}

/** A call that is complete, and how its answer is to be encoded. */
export interface ReadOperatorCall<Call> {
  readonly call: Call;
  readonly contentType: ContentType;
}

/**
 * Reads a call, in upstream's order and words.
 * @throws HttpError 400, 406, 415; 501 for a call that is none
 */
export function readOperatorCall<Call extends OperatorCall, Response extends object>(
  api: OperatorApi<Call, Response>,
  request: HttpRequest,
): ReadOperatorCall<Call> {
  const call = readCall(request, api.callType);
  const problem = problemOf(api, call) ?? api.validate?.(call);
  if (problem !== undefined) throw new HttpError(400, `Failed to validate ${api.name}: ${problem}`);
  const contentType = acceptedContentType(request);
  if (call.type === 'UNKNOWN') throw new HttpError(501, '');
  return { call, contentType };
}

/** A call whose type, in lower case, is the name of a field needs that field: its body. */
function problemOf<Call extends OperatorCall, Response extends object>(
  api: OperatorApi<Call, Response>,
  call: Call,
): string | undefined {
  if (call.type === undefined) return "Expecting 'type' to be present";
  const body = call.type.toLowerCase();
  if (!Object.hasOwn(api.callType.reflected.fields, body) || api.withOptionalBody?.has(call.type) === true) {
    return undefined;
  }
  // The schema names the body; whether the call has it is all that is asked.
  const isPresent = (call as Readonly<Record<string, unknown>>)[body] !== undefined;
  return isPresent ? undefined : `Expecting '${body}' to be present`;
}

/** 200 with a message. */
export function messageReply<T extends object>(type: MessageType<T>, message: T, contentType: ContentType): HttpReply {
  return bytesReply(encode(type, message, contentType), { 'Content-Type': contentType });
}

/** The call has no effect here. @throws HttpError 501 that names it */
export function refuseUnimplemented(call: OperatorCall): never {
  throw new HttpError(501, `Call ${call.type ?? 'UNKNOWN'} is not implemented`);
}

/** 200 without a message: what calls that only do something get. */
export function doneReply(): HttpReply {
  return textReply(200, '');
}

const COMMON: ReadonlySet<string> = new Set<CommonCallType>([
  'GET_HEALTH',
  'GET_FLAGS',
  'GET_VERSION',
  'GET_METRICS',
  'GET_LOGGING_LEVEL',
  'SET_LOGGING_LEVEL',
  'LIST_FILES',
  'READ_FILE',
]);

export function isCommonCall(call: OperatorCall): call is CommonCall {
  return call.type !== undefined && COMMON.has(call.type);
}

/**
 * Answers a common call; undefined = done, there is no message.
 * @throws HttpError 400, 404
 */
export async function answerCommonCall(
  process: ProcessReadSide,
  call: CommonCall,
): Promise<CommonResponse | undefined> {
  switch (call.type) {
    case 'GET_HEALTH':
      return { type: call.type, get_health: { healthy: true } };
    case 'GET_FLAGS':
      return { type: call.type, get_flags: { flags: toFields(process.flags) } };
    case 'GET_VERSION':
      return { type: call.type, get_version: { version_info: process.version() } };
    case 'GET_METRICS':
      return { type: call.type, get_metrics: { metrics: toFields(process.metrics()) } };
    case 'GET_LOGGING_LEVEL':
      return { type: call.type, get_logging_level: { level: process.logging.level } };
    case 'SET_LOGGING_LEVEL': {
      const { level = 0, duration = { nanoseconds: 0 } } = call.set_logging_level ?? {};
      process.logging.set(level, duration.nanoseconds / NANOSECONDS_PER_MILLISECOND);
      return undefined;
    }
    case 'LIST_FILES': {
      const entries = await process.files.list(call.list_files?.path ?? '');
      return { type: call.type, list_files: { file_infos: entries.map(toFileInfo) } };
    }
    case 'READ_FILE': {
      const { path = '', offset = 0, length } = call.read_file ?? {};
      const { sizeBytes, data } = await process.files.read(path, { offset, length });
      return { type: call.type, read_file: { size: sizeBytes, data } };
    }
  }
}

function toFields<T>(values: Readonly<Record<string, T>>): { name: string; value: T }[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

function toFileInfo({ path, nlink, sizeBytes, mtimeMs, mode, uid, gid }: DirectoryEntry): FileInfo {
  const mtime = { nanoseconds: Math.floor(mtimeMs) * NANOSECONDS_PER_MILLISECOND };
  return { path, nlink, size: sizeBytes, mtime, mode, uid, gid };
}
