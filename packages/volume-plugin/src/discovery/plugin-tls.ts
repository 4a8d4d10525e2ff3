/** TLS to a plugin as the `TLSConfig` of a `.json` spec asks for it. */
import { messageOf } from '@drydock/base/errors';
import { PluginTlsError } from '../errors.ts';
import { goBool, goString, goStruct, type GoType } from '../go/go-struct.ts';
import { textOf } from './files.ts';

/** PEM texts. */
export interface PluginTls {
  /** Whether the plugin's certificate has to be signed by `ca` and name its host. */
  readonly isVerifying: boolean;
  readonly ca?: string;
  /** The client's certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
}

export interface TlsConfig {
  readonly InsecureSkipVerify: boolean;
  readonly CAFile: string;
  readonly CertFile: string;
  readonly KeyFile: string;
}

export const tlsConfig: GoType<TlsConfig> = goStruct('Options', {
  InsecureSkipVerify: goBool,
  CAFile: goString,
  CertFile: goString,
  KeyFile: goString,
});

/**
 * Reads the files that `TLSConfig` names. Without CAFile nothing is verified, as in Docker.
 * @throws PluginTlsError for a file that cannot be read, or a certificate without its key
 */
export async function loadPluginTls(config: TlsConfig): Promise<PluginTls> {
  const { CAFile, CertFile, KeyFile } = config;
  const isVerifying = CAFile !== '' && !config.InsecureSkipVerify;
  if ((CertFile === '') !== (KeyFile === '')) {
    throw new PluginTlsError(
      `Expected CertFile and KeyFile together, got only ${CertFile === '' ? 'KeyFile' : 'CertFile'}`,
    );
  }
  return {
    isVerifying,
    ...(isVerifying ? { ca: await read('CA certificate', CAFile) } : {}),
    ...(CertFile === ''
      ? {}
      : { cert: await read('client certificate', CertFile), key: await read('client key', KeyFile) }),
  };
}

async function read(what: string, path: string): Promise<string> {
  try {
    return await textOf(path);
  } catch (error) {
    throw new PluginTlsError(`Could not read ${what} ${JSON.stringify(path)}: ${messageOf(error)}`, { cause: error });
  }
}
