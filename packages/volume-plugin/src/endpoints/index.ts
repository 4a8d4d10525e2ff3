/** Every call of the protocol. */
import type { PluginMethod } from '../wire.ts';
import { activate } from './activate.ts';
import { capabilities } from './capabilities.ts';
import { create } from './create.ts';
import type { Endpoint } from './endpoint.ts';
import { get } from './get.ts';
import { list } from './list.ts';
import { mount } from './mount.ts';
import { path } from './path.ts';
import { remove } from './remove.ts';
import { unmount } from './unmount.ts';

/** What a server needs of a call. */
export type ServedEndpoint = Pick<Endpoint<never, unknown>, 'method' | 'decodeRequest' | 'isBodyOptional'>;

const endpoints: readonly ServedEndpoint[] = [activate, create, remove, mount, unmount, path, get, list, capabilities];

/** By method. */
export const endpointsByMethod: ReadonlyMap<string, ServedEndpoint & { readonly method: PluginMethod }> = new Map(
  endpoints.map((endpoint) => [endpoint.method, endpoint]),
);
