/** The clients whose very calls this package can make: what they send, what they take, how they word it. */
import type { PluginMethod } from './wire.ts';

/**
 * `dvdcli-0.1`: dvdcli 0.1.0, which the document names. `dvdcli-0.2`: dvdcli 0.2.x. `engine`: Docker 20.10.
 * @see https://github.com/rexray/dvdcli
 */
export type ClientName = 'dvdcli-0.1' | 'dvdcli-0.2' | 'engine';

export const clientNames: readonly ClientName[] = ['dvdcli-0.1', 'dvdcli-0.2', 'engine'];

export interface ClientManner {
  /** The Accept header. */
  readonly accept: string;
  /** Plugin.Activate has no argument; 0.1.0 writes that down. */
  readonly activateBody: '' | 'null\n';
  /** `X` was found nowhere. */
  readonly notFoundText: (driver: string) => string;
  /** A status other than 200; `err` is the `Err` of a JSON body, or the body when it has none. */
  readonly statusText: (method: PluginMethod, parts: { readonly err: string; readonly body: string }) => string;
}

const accept = 'application/vnd.docker.plugins.v1.2+json';
const statusText: ClientManner['statusText'] = (method, { err }) => `${method}: ${err}`;

export const clientManners: Readonly<Record<ClientName, ClientManner>> = {
  'dvdcli-0.1': {
    accept: 'application/vnd.docker.plugins.v1.1+json',
    activateBody: 'null\n',
    notFoundText: () => 'Plugin not found',
    statusText: (method, { body }) => `Plugin Error: ${method}, ${body}`,
  },
  'dvdcli-0.2': { accept, activateBody: '', notFoundText: () => 'plugin not found', statusText },
  engine: { accept, activateBody: '', notFoundText: (driver) => `plugin "${driver}" not found`, statusText },
};
