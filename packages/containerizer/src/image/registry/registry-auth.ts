/**
 * Answers the challenges of registries: with a token that the registry's token server gives, or with the credentials of
 * `--docker_config` themselves.
 * DEVIATION: upstream sends credentials to whatever realm it is told; here they only go over TLS, or to this machine.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
import type { ImageLocation } from './image-location.ts';
import { isLoopback } from './image-location.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import type { DockerCredentials } from './docker-config.ts';
import { asRecord, asText } from '../loose-json.ts';
import { RegistryError } from './registry-error.ts';

/** Asks a token server, with the header `Authorization` if there is one; resolves with the JSON document of a 200. */
export type FetchToken = (url: URL, authorization: string | undefined) => Promise<unknown>;

interface Answer {
  readonly authorization: string;
  readonly expiresAt: number;
}

/** Where a token server does not say. */
const TOKEN_SECONDS_DEFAULT = 60;
/** Credentials are good for longer; but what is kept of repositories that nobody asks for any more has to go. */
const BASIC_MS = 60 * 60 * 1_000;
/** A token that expires this soon is not used any more. */
const MARGIN_MS = 5_000;

export class RegistryAuth {
  readonly #credentials: DockerCredentials;
  /** By registry and repository: a token is for one of them. */
  readonly #answers = new Map<string, Answer>();

  constructor(credentials: DockerCredentials) {
    this.#credentials = credentials;
  }

  /** The header `Authorization` that the registry took before, while it is good. */
  known(location: ImageLocation): string | undefined {
    const answer = this.#answers.get(keyOf(location));
    return answer !== undefined && Date.now() < answer.expiresAt ? answer.authorization : undefined;
  }

  forget(location: ImageLocation): void {
    this.#answers.delete(keyOf(location));
  }

  /**
   * The header `Authorization` for the value of a `WWW-Authenticate` header.
   * @throws RegistryError when there is none; what `fetchToken` throws
   */
  async answer(location: ImageLocation, header: string | null, fetchToken: FetchToken): Promise<string> {
    if (header === null) throw new RegistryError('refused', 'Unexpected empty WWW-Authenticate header');
    const challenges = parseChallenges(header);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const basic = challenges.find(({ scheme }) => scheme === 'basic');
    if (bearer === undefined && basic === undefined) {
      const schemes = challenges.map(({ scheme }) => scheme.toUpperCase()).join(', ');
      throw new RegistryError('unsupported', `Unsupported auth-scheme: ${schemes}`);
    }
    const answer = bearer === undefined ? this.#basic(location) : await this.#token(location, bearer, fetchToken);
    const now = Date.now();
    for (const [key, { expiresAt }] of this.#answers) if (expiresAt <= now) this.#answers.delete(key);
    this.#answers.set(keyOf(location), answer);
    return answer.authorization;
  }

  #basic({ host, origin }: ImageLocation): Answer {
    const credentials = this.#credentials.basicFor(host);
    if (credentials === undefined) {
      throw new RegistryError(
        'unauthorized',
        `the registry asks for credentials, and --docker_config has none for '${host}'`,
      );
    }
    assertConfidential(new URL(origin));
    return { authorization: `Basic ${credentials}`, expiresAt: Date.now() + BASIC_MS };
  }

  async #token(location: ImageLocation, { parameters }: Challenge, fetchToken: FetchToken): Promise<Answer> {
    const { realm, service, scope = `repository:${location.repository}:pull` } = parameters;
    if (realm === undefined) throw new RegistryError('refused', "Missing 'realm' in WWW-Authenticate header");
    const url = URL.parse(realm);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      throw new RegistryError('refused', `Expected 'realm' in WWW-Authenticate header to be a URL, got '${realm}'`);
    }
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', scope);
    const credentials = this.#credentials.basicFor(location.host);
    if (credentials !== undefined) assertConfidential(url);
    const askedAt = Date.now();
    const document = asRecord(await fetchToken(url, credentials === undefined ? undefined : `Basic ${credentials}`));
    const token = asText(document['token']) ?? asText(document['access_token']);
    if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
      throw new RegistryError('refused', `Failed to find token in JSON object of '${url.origin}'`);
    }
    const seconds = document['expires_in'];
    const lifeSeconds = typeof seconds === 'number' && seconds > 0 ? seconds : TOKEN_SECONDS_DEFAULT;
    return { authorization: `Bearer ${token}`, expiresAt: askedAt + lifeSeconds * 1_000 - MARGIN_MS };
  }
}

function keyOf({ origin, repository }: ImageLocation): string {
  return `${origin} ${repository}`;
}

/** @throws RegistryError where others could read along */
function assertConfidential(url: URL): void {
  if (url.protocol === 'https:' || isLoopback(url.hostname)) return;
  throw new RegistryError(
    'unauthorized',
    `the credentials of --docker_config are not sent to '${url.origin}', which is neither https nor this machine`,
  );
}
