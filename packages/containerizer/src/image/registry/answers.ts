/** Reads what a registry answers when it does not give what it was asked for. */
import { STATUS_CODES } from 'node:http';
import { messageOf, systemCodeOf } from '@drydock/base/errors';
import { asList, asRecord, asText } from '../loose-json.ts';
import { RegistryError, TransientError, type RegistryFailure } from './registry-error.ts';
import type { StallWatch } from './stall-watch.ts';

/** A registry that asks for more time is not waited for. */
const RETRY_AFTER_MS_MAX = 60_000;
const ERROR_BYTES_MAX = 64 * 1024;
const DETAIL_CHARACTERS_MAX = 200;

/** What a status says beyond itself; `remedy` follows the message. */
export type StatusMeanings = Readonly<Record<number, { readonly failure: RegistryFailure; readonly remedy: string }>>;

const CREDENTIALS = '; check what --docker_config has for this registry';

export const TOKEN_SERVER_STATUSES: StatusMeanings = {
  401: { failure: 'unauthorized', remedy: CREDENTIALS },
  403: { failure: 'unauthorized', remedy: CREDENTIALS },
};
const REGISTRY_STATUSES: StatusMeanings = {
  ...TOKEN_SERVER_STATUSES,
  404: { failure: 'not-found', remedy: '; check the name of the image, or push it' },
};

/**
 * What an answer other than 200 means, in upstream's words and the registry's own. Ends the body.
 * @see src/uri/fetchers/docker.cpp
 */
export async function failureOf(
  response: Response,
  what: string,
  watch: StallWatch,
  meanings: StatusMeanings = REGISTRY_STATUSES,
): Promise<RegistryError | TransientError> {
  const { status } = response;
  const text = `Unexpected HTTP response '${status} ${STATUS_CODES[status] ?? 'Unknown'}' when trying to ${what}`;
  const message = `${text}${await detailOf(response, watch)}`;
  if (status !== 429 && status !== 408 && status < 500) {
    return new RegistryError(meanings[status]?.failure ?? 'refused', `${message}${meanings[status]?.remedy ?? ''}`);
  }
  const retryAfterMs = retryAfterOf(response.headers.get('retry-after'));
  if (retryAfterMs <= RETRY_AFTER_MS_MAX) return new TransientError(message, { retryAfterMs });
  return new RegistryError('unreachable', `${message}; the registry asks to come back in ${retryAfterMs / 1000} s`);
}

/** The registry's own words: `{"errors": [{"code", "message"}]}`. */
async function detailOf({ body }: Response, watch: StallWatch): Promise<string> {
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  try {
    for await (const chunk of watch.chunksOf(body)) {
      parts.push(chunk);
      byteCount += chunk.length;
      if (byteCount > ERROR_BYTES_MAX) return '';
    }
    const [first] = asList(asRecord(JSON.parse(Buffer.concat(parts).toString('utf8')))['errors']);
    const { code, message } = asRecord(first);
    const words = [asText(code), asText(message)].filter((word) => word !== undefined).join(': ');
    return words === '' ? '' : `: ${words.replaceAll(/\p{Cc}/gu, ' ').slice(0, DETAIL_CHARACTERS_MAX)}`;
  } catch (error) {
    // The status says enough where the body breaks or is not the JSON of a registry.
    if (error instanceof SyntaxError || error instanceof TransientError) return '';
    throw error;
  }
}

/** Seconds or a date; 0 when there is none. @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 */
function retryAfterOf(header: string | null): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - Date.now());
}

/** Where an answer sends the client, or undefined. @throws RegistryError for an address that is none, or not as safe */
export function redirectOf(response: Response, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(response.status)) return undefined;
  const location = response.headers.get('location') ?? '';
  const url = URL.parse(location, from.href);
  if (location === '' || url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new RegistryError('refused', `${from.origin} redirects to '${location}', which is not an address`);
  }
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw new RegistryError('refused', `${from.origin} redirects to '${url.origin}', which is not https`);
  }
  return url;
}

/** What a request without an answer means. */
export function unreachable(url: URL, error: unknown): RegistryError | TransientError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemCodeOf(cause);
  const message = `Failed to reach ${url.origin}: ${code ?? ''}${code === undefined ? '' : ': '}${messageOf(cause)}`;
  if (code === undefined || !/CERT|SSL|TLS|EPROTO|SIGNATURE/.test(code)) {
    return new TransientError(message, { cause: error });
  }
  const remedy = 'give the authority of its certificate in NODE_EXTRA_CA_CERTS, or http:// if it speaks that';
  return new RegistryError('unreachable', `${message}; ${remedy}`, { cause: error });
}
