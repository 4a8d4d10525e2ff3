import { PluginAddressError } from './errors.ts';

/** Where a plugin listens. */
export type PluginAddress =
  | { readonly kind: 'unix'; readonly socketPath: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/**
 * The address in a `.spec` file or in `Addr` of a `.json` file: `unix:///run/x.sock`, `tcp://host:port`,
 * `http://host:port`; surrounding white space is ignored.
 * @throws PluginAddressError `Unknown protocol` when the scheme is missing, as upstream says it
 */
export function parsePluginAddress(text: string): PluginAddress {
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/(.*)$/s.exec(text.trim());
  const [, scheme, rest = ''] = match ?? [];
  if (scheme === undefined) throw new PluginAddressError('Unknown protocol');
  if (scheme === 'unix') {
    if (!rest.startsWith('/')) throw new PluginAddressError(`Expected unix:///path/to.sock, got ${text.trim()}`);
    return { kind: 'unix', socketPath: rest };
  }
  if (scheme !== 'tcp' && scheme !== 'http') {
    throw new PluginAddressError(`Expected a plugin address with unix, tcp or http, got ${text.trim()}`);
  }
  const host = /^(\[[0-9a-fA-F:.]+\]|[^/:?#]+)(?::(\d{1,5}))?(?:\/.*)?$/.exec(rest);
  const port = Number(host?.[2] ?? 80);
  if (host?.[1] === undefined || port < 1 || port > 65_535) {
    throw new PluginAddressError(`Expected a plugin address as ${scheme}://host:port, got ${text.trim()}`);
  }
  return { kind: 'tcp', host: host[1].replace(/^\[|\]$/g, ''), port };
}
