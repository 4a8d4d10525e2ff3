/**
 * Gets manifests and blobs from registries: bounded in size, time and attempts, with redirects and challenges.
 *
 * DEVIATION: upstream asks once; here what may go better the next time is asked for again, with growing pauses.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@drydock/base/errors';
import pRetry from 'p-retry';
import { TOKEN_SERVER_STATUSES, failureOf, redirectOf, unreachable } from './answers.ts';
import type { ImageLocation } from './image-location.ts';
import type { Descriptor } from './manifest.ts';
import { RegistryAuth, type FetchToken } from './registry-auth.ts';
import type { DockerCredentials } from './docker-config.ts';
import { RegistryError, TransientError } from './registry-error.ts';
import { StallWatch } from './stall-watch.ts';

export interface RegistryClientOptions {
  readonly credentials: DockerCredentials;
  /** How long nothing may come, from the connection on. */
  readonly stallMsMax: number;
  /** Default 5. */
  readonly attemptsMax?: number;
  /** Before the second attempt; doubles, with up to as much again by chance. Default 500. */
  readonly retryDelayMs?: number;
}

export interface ReceivedDocument {
  readonly body: Buffer;
  readonly contentType: string;
  /** What the registry says is the digest, if it does. */
  readonly claimedDigest: string | undefined;
}

export interface DocumentRequest {
  /** Below the repository: `manifests/latest`. */
  readonly path: string;
  /** After "when trying to": `get the manifest`. */
  readonly what: string;
  readonly bytesMax: number;
  readonly accept?: string;
  readonly signal: AbortSignal;
}

interface Answer {
  readonly response: Response;
  readonly chunks: AsyncIterable<Uint8Array>;
}

const REDIRECTS_MAX = 5;
const TOKEN_BYTES_MAX = 1024 * 1024;
const RETRY_DELAY_MS_MAX = 10_000;

export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #auth: RegistryAuth;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#auth = new RegistryAuth(options.credentials);
  }

  /** @throws RegistryError; the signal's reason when it aborts */
  async document(location: ImageLocation, request: DocumentRequest): Promise<ReceivedDocument> {
    return await this.#retrying(request.signal, async (watch) => {
      const { response, chunks } = await this.#get(location, request, watch);
      return {
        body: await collect(chunks, request.bytesMax, request.what),
        contentType: response.headers.get('content-type') ?? '',
        claimedDigest: response.headers.get('docker-content-digest') ?? undefined,
      };
    });
  }

  /** Writes a blob to `path`, whatever is there. @throws RegistryError when it is not what `blob` says; the signal's reason */
  async download(
    location: ImageLocation,
    blob: Descriptor,
    path: string,
    { signal }: { signal: AbortSignal },
  ): Promise<void> {
    const request = { path: `blobs/sha256:${blob.digest}`, what: 'download the blob' };
    await this.#retrying(signal, async (watch) => {
      const { chunks } = await this.#get(location, request, watch);
      await pipeline(verified(chunks, blob), createWriteStream(path), { signal });
    });
  }

  async #retrying<T>(signal: AbortSignal, attempt: (watch: StallWatch) => Promise<T>): Promise<T> {
    const { attemptsMax = 5, retryDelayMs = 500, stallMsMax } = this.#options;
    try {
      return await pRetry(async () => await attempt(new StallWatch(stallMsMax, signal)), {
        signal,
        retries: attemptsMax - 1,
        minTimeout: retryDelayMs,
        maxTimeout: RETRY_DELAY_MS_MAX,
        randomize: true,
        shouldRetry: ({ error }) => error instanceof TransientError,
        onFailedAttempt: async ({ error, retriesLeft }) => {
          if (!(error instanceof TransientError) || retriesLeft === 0) return;
          await delay(error.retryAfterMs, undefined, { signal });
        },
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
      const why = `${messageOf(error)} (${attemptsMax} attempts)`;
      throw new RegistryError('unreachable', why, { cause: error });
    }
  }

  async #get(
    location: ImageLocation,
    { path, what, accept = '*/*' }: Pick<DocumentRequest, 'path' | 'what' | 'accept'>,
    watch: StallWatch,
  ): Promise<Answer> {
    const url = new URL(`/v2/${location.repository}/${path}`, location.origin);
    const send = async (authorization: string | undefined): Promise<Response> =>
      await this.#follow(url, accept, authorization, watch);
    let response = await send(this.#auth.known(location));
    if (response.status === 401) {
      this.#auth.forget(location);
      const header = response.headers.get('www-authenticate');
      await response.body?.cancel();
      const fetchToken: FetchToken = async (realm, credentials) => await this.#fetchToken(realm, credentials, watch);
      response = await send(await this.#auth.answer(location, header, fetchToken));
      // What the registry does not take now it will not take the next time.
      if (response.status === 401) this.#auth.forget(location);
    }
    if (response.status !== 200) throw await failureOf(response, what, watch);
    return { response, chunks: watch.chunksOf(response.body) };
  }

  async #fetchToken(url: URL, authorization: string | undefined, watch: StallWatch): Promise<unknown> {
    const what = `GET '${url.href}'`;
    const response = await this.#follow(url, 'application/json', authorization, watch);
    if (response.status !== 200) throw await failureOf(response, what, watch, TOKEN_SERVER_STATUSES);
    const body = await collect(watch.chunksOf(response.body), TOKEN_BYTES_MAX, what);
    try {
      return JSON.parse(body.toString('utf8'));
    } catch {
      // The parser's message quotes what it read, and that may be a token.
      throw new RegistryError('refused', `Parsing the JSON object failed when trying to ${what}`);
    }
  }

  /** Follows redirects; what authorises a request goes to nobody but the one whom it is for. */
  async #follow(start: URL, accept: string, authorization: string | undefined, watch: StallWatch): Promise<Response> {
    let url = start;
    for (let hop = 0; hop <= REDIRECTS_MAX; hop += 1) {
      const isForIt = authorization !== undefined && url.origin === start.origin;
      const response = await this.#send(url, isForIt ? { accept, authorization } : { accept }, watch);
      const next = redirectOf(response, url);
      if (next === undefined) return response;
      await response.body?.cancel();
      url = next;
    }
    throw new RegistryError('refused', `${start.origin} redirects more than ${REDIRECTS_MAX} times`);
  }

  async #send(url: URL, headers: Readonly<Record<string, string>>, watch: StallWatch): Promise<Response> {
    try {
      return await watch.during(
        async () =>
          await fetch(url, {
            // The digest is that of the bytes as they are kept.
            headers: { ...headers, 'accept-encoding': 'identity', 'user-agent': 'drydock' },
            redirect: 'manual',
            signal: watch.signal,
          }),
      );
    } catch (error) {
      watch.signal.throwIfAborted();
      throw unreachable(url, error);
    }
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>, bytesMax: number, what: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of chunks) {
    byteCount += chunk.length;
    if (byteCount > bytesMax) {
      throw new RegistryError('damaged', `Expected at most ${bytesMax} bytes when trying to ${what}, got more`);
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** Passes on the bytes of a blob. @throws RegistryError, TransientError when there are too few of them */
async function* verified(chunks: AsyncIterable<Uint8Array>, blob: Descriptor): AsyncGenerator<Uint8Array> {
  const name = `the blob 'sha256:${blob.digest}'`;
  const hash = createHash('sha256');
  let byteCount = 0;
  for await (const chunk of chunks) {
    byteCount += chunk.length;
    if (byteCount > blob.sizeBytes) {
      throw new RegistryError('damaged', `Expected ${blob.sizeBytes} bytes of ${name}, got more`);
    }
    hash.update(chunk);
    yield chunk;
  }
  if (byteCount < blob.sizeBytes) {
    throw new TransientError(`Expected ${blob.sizeBytes} bytes of ${name}, got ${byteCount}`);
  }
  const digest = hash.digest('hex');
  if (digest !== blob.digest) {
    throw new RegistryError('damaged', `The digest of ${name} does not match: got sha256:${digest}`);
  }
}
