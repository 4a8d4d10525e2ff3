/** What each call of the protocol is made of, for clients and servers; one file per call beside this one. */
import type { ClientName } from '../client-name.ts';
import { toGoJson, type GoValue } from '../go/go-json.ts';
import { decodeInto, goMap, goString, goStruct, type GoType } from '../go/go-struct.ts';
import type { PluginMethod, VolumeDriverRequest } from '../wire.ts';

/** One call of the protocol. `Request` and `Answer` are what a client gives and gets. */
export interface Endpoint<Request, Answer> {
  readonly method: PluginMethod;
  /** How long Docker's engine waits for the answer. */
  readonly engineTimeoutMs: number;
  /** The request's body as `client` writes it. */
  readonly encode: (request: Request, client: ClientName) => string;
  /**
   * The answer of status 200 as `client` reads it: whole, so that a value of a wrong type is an error even beside `Err`.
   * @throws PluginReplyError
   */
  readonly decode: (answer: GoValue, client: ClientName) => DecodedAnswer<Answer>;
  /** What a server makes of the request's JSON. @throws PluginReplyError */
  readonly decodeRequest: (request: GoValue) => VolumeDriverRequest;
  /** Whether a request may come without a body. */
  readonly isBodyOptional: boolean;
}

export interface DecodedAnswer<Answer> {
  /** Not empty: the driver refuses, and `answer` does not count. */
  readonly err: string;
  readonly answer: Answer;
}

/** The engine waits longer for what may move data. */
export const LONG_TIMEOUT_MS = 120_000;
export const SHORT_TIMEOUT_MS = 60_000;

/** A request's JSON with Go's newline. */
export function toBody(request: object): string {
  return `${toGoJson(request)}\n`;
}

/** An answer without anything but `Err`; `struct` is what Go's client calls it. */
export function decodeErrOnly(struct: string): Endpoint<never, undefined>['decode'] {
  const type = goStruct(struct, { Err: goString });
  return (value) => ({ err: decodeInto(value, type).Err, answer: undefined });
}

/** An answer with a `Mountpoint`, which may be empty. */
export function decodeMountpoint(struct: string): Endpoint<never, string>['decode'] {
  const type = goStruct(struct, { Mountpoint: goString, Err: goString });
  return (value) => {
    const { Err, Mountpoint } = decodeInto(value, type);
    return { err: Err, answer: Mountpoint };
  };
}

/** A request's fields as a server takes them; those that a call does not have are ignored like unknown ones. */
export function decodeRequestWith(
  has: { readonly options?: boolean; readonly id?: boolean } = {},
): (request: GoValue) => VolumeDriverRequest {
  return (request) => {
    const { Name, Opts, ID } = decodeInto(request, pluginRequest(has));
    return { Name, Opts: Object.fromEntries(Opts ?? []), ...(ID === undefined || ID === '' ? {} : { ID }) };
  };
}

function pluginRequest(has: { readonly options?: boolean; readonly id?: boolean }): GoType<{
  readonly Name: string;
  readonly Opts: ReadonlyMap<string, string> | undefined;
  readonly ID: string | undefined;
}> {
  const unread: GoType<undefined> = { name: '', zero: () => undefined, fill: () => undefined };
  return goStruct('pluginRequest', {
    Name: goString,
    Opts: has.options === true ? goMap(goString) : unread,
    ID: has.id === true ? goString : unread,
  });
}
