/** The server side of the protocol: from an HTTP request to a volume driver's handler and back. */
import { messageOf } from '@drydock/base/errors';
import { optionsField, parseObject, textField } from '../decoder.ts';
import { PluginReplyError } from '../errors.ts';
import { GoJsonError, parseFirstJson } from '../go-json.ts';
import {
  activateMethod,
  volumeDriverMethods,
  type PluginCapabilities,
  type PluginVolume,
  type VolumeDriverMethod,
  type VolumeDriverRequest,
} from '../wire.ts';
import { replyStyles, type ReplyStyleName } from './reply-style.ts';
import type { HttpAnswer, HttpRequest } from './unix-http-server.ts';

/** What a driver implements. A handler that rejects refuses the call: its message becomes `Err`. */
export interface VolumeDriverHandlers {
  create(request: VolumeDriverRequest): Promise<void>;
  remove(request: VolumeDriverRequest): Promise<void>;
  /** Gives the mountpoint. */
  mount(request: VolumeDriverRequest): Promise<string>;
  unmount(request: VolumeDriverRequest): Promise<void>;
  /** Gives the mountpoint, `''` while not mounted. */
  path(request: VolumeDriverRequest): Promise<string>;
  get(request: VolumeDriverRequest): Promise<PluginVolume>;
  list(): Promise<readonly PluginVolume[]>;
  capabilities(): Promise<PluginCapabilities>;
}

/** `POST /<method>` of the protocol as the router read it. */
export interface PluginCall {
  readonly method: typeof activateMethod | VolumeDriverMethod;
  readonly request: VolumeDriverRequest;
}

export interface PluginRouterOptions {
  readonly handlers: VolumeDriverHandlers;
  readonly style: ReplyStyleName;
  /** Stands around every call: gives the answer, with or without letting the handler make one. */
  readonly intercept?: (call: PluginCall, proceed: () => Promise<HttpAnswer>) => Promise<HttpAnswer>;
  /** Calls that this driver does not have: answered like every unknown path. Default: none. */
  readonly missingCalls?: readonly VolumeDriverMethod[];
}

export interface PluginRouter {
  /** Answers a call of the protocol; undefined for everything else. */
  route(request: HttpRequest): Promise<HttpAnswer | undefined>;
  /** The answer to a request that nothing took. */
  notFound(request: HttpRequest): HttpAnswer;
}

export function createPluginRouter(options: PluginRouterOptions): PluginRouter {
  const { handlers, intercept, missingCalls = [] } = options;
  const style = replyStyles[options.style];
  const missing: readonly string[] = missingCalls;
  return {
    async route({ method: verb, path, body }) {
      const method = toMethod(path);
      if (method === undefined || verb !== 'POST' || missing.includes(method)) return undefined;
      let request: VolumeDriverRequest;
      try {
        request = parseRequest(method, body);
      } catch (error) {
        if (error instanceof GoJsonError || error instanceof PluginReplyError) return style.badRequest(error.message);
        throw error;
      }
      const proceed = async (): Promise<HttpAnswer> => {
        try {
          return style.success(await callHandler(handlers, method, request));
        } catch (error) {
          return style.failure(messageOf(error));
        }
      };
      return intercept === undefined ? await proceed() : await intercept({ method, request }, proceed);
    },
    notFound: ({ method, path }) => style.notFound(method, path),
  };
}

async function callHandler(
  handlers: VolumeDriverHandlers,
  method: PluginCall['method'],
  request: VolumeDriverRequest,
): Promise<object> {
  switch (method) {
    case 'Plugin.Activate':
      return { Implements: ['VolumeDriver'] };
    case 'VolumeDriver.Create':
      await handlers.create(request);
      return {};
    case 'VolumeDriver.Remove':
      await handlers.remove(request);
      return {};
    case 'VolumeDriver.Mount':
      return { Mountpoint: await handlers.mount(request) };
    case 'VolumeDriver.Unmount':
      await handlers.unmount(request);
      return {};
    case 'VolumeDriver.Path': {
      const path = await handlers.path(request);
      return path === '' ? {} : { Mountpoint: path };
    }
    case 'VolumeDriver.Get':
      return { Volume: await handlers.get(request) };
    case 'VolumeDriver.List': {
      const volumes = await handlers.list();
      return volumes.length === 0 ? {} : { Volumes: volumes };
    }
    case 'VolumeDriver.Capabilities':
      return { Capabilities: await handlers.capabilities() };
  }
}

function toMethod(path: string): PluginCall['method'] | undefined {
  if (path === `/${activateMethod}`) return activateMethod;
  return volumeDriverMethods.find((method) => path === `/${method}`);
}

/** Calls without arguments may come without a body; for the others nothing is `EOF`, as a Go server says. */
function parseRequest(method: PluginCall['method'], body: string): VolumeDriverRequest {
  const isBodyOptional =
    method === activateMethod || method === 'VolumeDriver.List' || method === 'VolumeDriver.Capabilities';
  if (isBodyOptional && body.trim() === '') return { Name: '', Opts: {} };
  const object = parseObject(parseFirstJson(body), 'value of a request');
  const id = textField(object, 'ID');
  return {
    Name: textField(object, 'Name'),
    Opts: optionsField(object, 'Opts'),
    ...(id === '' ? {} : { ID: id }),
  };
}
