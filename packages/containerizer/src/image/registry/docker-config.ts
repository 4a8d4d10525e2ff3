/**
 * Credentials for registries, as `docker login` writes them down: `config.json` with `auths`, or the older `.dockercfg`.
 * Helpers that keep them elsewhere (`credsStore`, `credHelpers`) are not asked.
 * @see src/docker/spec.cpp parseAuthConfig, parseAuthUrl
 */
import { readFile } from 'node:fs/promises';
import { messageOf } from '@drydock/base/errors';
import { ImageError } from '../image-error.ts';
import { asRecord, asText } from '../loose-json.ts';
import { isDockerHub } from './image-location.ts';

export class DockerCredentials {
  /** `host[:port]` -> what follows `Basic `. */
  readonly #byHost: ReadonlyMap<string, string>;

  constructor(byHost: ReadonlyMap<string, string> = new Map()) {
    this.#byHost = byHost;
  }

  /** What follows `Basic ` for a registry, if there is anything; `host` has its port. */
  basicFor(host: string): string | undefined {
    const found = this.#byHost.get(host);
    if (found !== undefined || !isDockerHub(host)) return found;
    // Docker Hub has been called by many names.
    // DEVIATION: upstream looks for `docker.io` anywhere in a name, which whoever names an image can have in theirs.
    return [...this.#byHost].find(([name]) => isDockerHub(name))?.[1];
  }
}

/**
 * Reads `--docker_config`: an absolute path, or the JSON itself.
 * @throws ImageError, which holds nothing of the document
 */
export async function readDockerConfig(value: string): Promise<DockerCredentials> {
  const text = value.startsWith('/') ? await readConfigFile(value) : value;
  const where = value.startsWith('/') ? ` '${value}'` : '';
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's message quotes what it read, and that may be a password.
    throw new ImageError(`Failed to parse docker config${where}: expected JSON`);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new ImageError(`Failed to parse docker config${where}: expected an object`);
  }
  const { auths } = asRecord(document);
  const byHost = new Map<string, string>();
  for (const [key, entry] of Object.entries(asRecord(auths ?? document))) {
    const { auth, username, password } = asRecord(entry);
    const given = asText(auth);
    const [user, secret] = [asText(username), asText(password)];
    if (given !== undefined && given !== '') {
      if (!Buffer.from(given, 'base64').includes(':')) {
        throw new ImageError(
          `Failed to parse docker config${where}: expected 'auth' of '${key}' to be <user>:<password> in base64`,
        );
      }
      byHost.set(hostOf(key), Buffer.from(given, 'base64').toString('base64'));
    } else if (user !== undefined && secret !== undefined) {
      byHost.set(hostOf(key), Buffer.from(`${user}:${secret}`).toString('base64'));
    }
  }
  return new DockerCredentials(byHost);
}

async function readConfigFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ImageError(`Failed to parse docker config '${path}': ${messageOf(error)}`, { cause: error });
  }
}

/** Keys are hosts or whole URLs. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}
