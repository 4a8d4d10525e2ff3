/** The server side of the protocol: from an HTTP request to a volume driver's handler and back. */
import { messageOf } from '@drydock/base/errors';
import { endpointsByMethod, type ServedEndpoint } from '../endpoints/index.ts';
import { PluginReplyError } from '../errors.ts';
import { GoJsonError } from '../go/go-json-error.ts';
import { readFirstJson } from '../go/go-json.ts';
import type {
  PluginCapabilities,
  PluginMethod,
  PluginVolume,
  VolumeDriverMethod,
  VolumeDriverRequest,
} from '../wire.ts';
import { replyStyles, type ReplyStyleName } from './reply-style.ts';
import type { HttpAnswer, HttpRequest } from './unix-http-server.ts';

/**
 * What a driver implements; a call without a handler is answered as an unknown one. A handler that rejects refuses the
 * call: its message becomes `Err`.
 */
export interface VolumeDriverHandlers {
  create?(request: VolumeDriverRequest): Promise<void>;
  remove?(request: VolumeDriverRequest): Promise<void>;
  /** Gives the mountpoint. */
  mount?(request: VolumeDriverRequest): Promise<string>;
  unmount?(request: VolumeDriverRequest): Promise<void>;
  /** Gives the mountpoint, `''` while not mounted. */
  path?(request: VolumeDriverRequest): Promise<string>;
  get?(request: VolumeDriverRequest): Promise<PluginVolume>;
  list?(): Promise<readonly PluginVolume[]>;
  capabilities?(): Promise<PluginCapabilities>;
}

/** `POST /<method>` of the protocol as the router read it. */
export interface PluginCall {
  readonly method: PluginMethod;
  readonly request: VolumeDriverRequest;
}

export interface PluginRouterOptions {
  readonly handlers: VolumeDriverHandlers;
  readonly style: ReplyStyleName;
  /** Stands around every call: gives the answer, with or without letting the handler make one. */
  readonly intercept?: (call: PluginCall, proceed: () => Promise<HttpAnswer>) => Promise<HttpAnswer>;
  /** Calls that this driver does not have: answered like every unknown path. Default: none. */
  readonly missingCalls?: readonly VolumeDriverMethod[];
  /**
   * Whether handlers get calls with an empty name. Default false: such a call comes from a client that lost its body
   * (Docker's engine, after a connection was dropped) and is answered as a bad request.
   */
  readonly takesEmptyNames?: boolean;
}

export interface PluginRouter {
  /** Answers a call of the protocol; undefined for everything else. */
  route(request: HttpRequest): Promise<HttpAnswer | undefined>;
  /** The answer to a request that nothing took. */
  notFound(request: HttpRequest): HttpAnswer;
}

export function createPluginRouter(options: PluginRouterOptions): PluginRouter {
  const { handlers, intercept, missingCalls = [], takesEmptyNames = false } = options;
  const style = replyStyles[options.style];
  const missing: readonly string[] = missingCalls;
  return {
    async route({ method: verb, path, body }) {
      const endpoint = path.startsWith('/') ? endpointsByMethod.get(path.slice(1)) : undefined;
      if (endpoint === undefined || verb !== 'POST' || missing.includes(endpoint.method)) return undefined;
      const { method } = endpoint;
      let request: VolumeDriverRequest;
      try {
        request = parseRequest(endpoint, body);
      } catch (error) {
        if (error instanceof GoJsonError || error instanceof PluginReplyError) return style.badRequest(error.message);
        throw error;
      }
      if (request.Name === '' && !endpoint.isBodyOptional && !takesEmptyNames) {
        return style.badRequest(`Expected the name of a volume in Name of ${method}, got ""`);
      }
      const proceed = async (): Promise<HttpAnswer> => {
        try {
          const answer = await callHandler(handlers, method, request);
          return answer === undefined ? style.notFound(verb, path) : style.success(answer);
        } catch (error) {
          return style.failure(messageOf(error) || 'the driver gave no reason');
        }
      };
      return intercept === undefined ? await proceed() : await intercept({ method, request }, proceed);
    },
    notFound: ({ method, path }) => style.notFound(method, path),
  };
}

/** Undefined when the driver has no handler for it. */
async function callHandler(
  handlers: VolumeDriverHandlers,
  method: PluginMethod,
  request: VolumeDriverRequest,
): Promise<object | undefined> {
  switch (method) {
    case 'Plugin.Activate':
      return { Implements: ['VolumeDriver'] };
    case 'VolumeDriver.Create':
      return handlers.create && (await emptyAfter(handlers.create(request)));
    case 'VolumeDriver.Remove':
      return handlers.remove && (await emptyAfter(handlers.remove(request)));
    case 'VolumeDriver.Mount':
      return handlers.mount && { Mountpoint: await handlers.mount(request) };
    case 'VolumeDriver.Unmount':
      return handlers.unmount && (await emptyAfter(handlers.unmount(request)));
    case 'VolumeDriver.Path': {
      const mountpoint = await handlers.path?.(request);
      return mountpoint === undefined ? undefined : mountpoint === '' ? {} : { Mountpoint: mountpoint };
    }
    case 'VolumeDriver.Get':
      return handlers.get && { Volume: await handlers.get(request) };
    case 'VolumeDriver.List': {
      const volumes = await handlers.list?.();
      return volumes === undefined ? undefined : volumes.length === 0 ? {} : { Volumes: volumes };
    }
    case 'VolumeDriver.Capabilities':
      return handlers.capabilities && { Capabilities: await handlers.capabilities() };
  }
}

async function emptyAfter(done: Promise<void>): Promise<object> {
  await done;
  return {};
}

/** Calls without arguments may come without a body; for the others nothing is `EOF`, as a Go server says. */
function parseRequest(endpoint: ServedEndpoint, body: string): VolumeDriverRequest {
  if (endpoint.isBodyOptional && body.trim() === '') return { Name: '', Opts: {} };
  return endpoint.decodeRequest(readFirstJson(body));
}
