import { PluginAddressError } from '../errors.ts';
import type { PluginTls } from './plugin-tls.ts';

/** Where a plugin listens. */
export type PluginAddress =
  | { readonly kind: 'unix'; readonly socketPath: string }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      /** Host and port as they were written: the Host header. */
      readonly authority: string;
      /** Set for `https://`. */
      readonly tls?: PluginTls;
    };

/**
 * The address in a `.spec` file or in `Addr` of a `.json` file: `unix:///run/x.sock`, `tcp://host:port`,
 * `http://host:port`, `https://host:port`; surrounding white space is ignored. A path after host and port does not count.
 * @param tls for `https://`; a `.spec` file cannot name a CA, so that its plugin's certificate is not checked
 * @throws PluginAddressError `Unknown protocol` when the scheme is missing, as upstream says it
 */
export function parsePluginAddress(text: string, tls?: PluginTls): PluginAddress {
  const written = text.trim();
  const [, scheme, rest = ''] = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/(.*)$/s.exec(written) ?? [];
  if (scheme === undefined) throw new PluginAddressError('Unknown protocol');
  // DEVIATION: with TLSConfig and tcp:// or http://, Docker talks to the plugin without TLS and does not say so.
  if (tls !== undefined && scheme !== 'https') {
    throw new PluginAddressError(
      `Expected https://host:port beside TLSConfig, got ${written}: it would have no effect`,
    );
  }
  if (scheme === 'unix') {
    if (!rest.startsWith('/')) throw new PluginAddressError(`Expected unix:///path/to.sock, got ${written}`);
    return { kind: 'unix', socketPath: rest };
  }
  if (scheme !== 'tcp' && scheme !== 'http' && scheme !== 'https') {
    throw new PluginAddressError(`Expected a plugin address with unix, tcp, http or https, got ${written}`);
  }
  const [, host, digits] = /^(\[[0-9a-fA-F:.]+\]|[^/:?#]+)(?::(\d{1,5}))?(?:\/.*)?$/.exec(rest) ?? [];
  const port = Number(digits ?? (scheme === 'https' ? 443 : 80));
  if (host === undefined || port < 1 || port > 65_535) {
    throw new PluginAddressError(`Expected a plugin address as ${scheme}://host:port, got ${written}`);
  }
  return {
    kind: 'tcp',
    host: host.replace(/^\[|\]$/g, ''),
    port,
    authority: digits === undefined ? host : `${host}:${digits}`,
    ...(scheme === 'https' ? { tls: tls ?? { isVerifying: false } } : {}),
  };
}
