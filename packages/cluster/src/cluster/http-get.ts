/** GET requests to master and agents. */
import { DomainError, messageOf } from '@drydock/base/errors';

/** A daemon of the cluster did not answer, or not with 200. */
export class ClusterHttpError extends DomainError<'CLUSTER_HTTP'> {
  readonly code = 'CLUSTER_HTTP';
}

const MS_MAX = 10_000;

export async function getText(url: string, path: string): Promise<string> {
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(MS_MAX) });
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
    throw new ClusterHttpError(`GET ${url}${path} failed: ${messageOf(error)}${cause}`, { cause: error });
  }
  const text = await response.text();
  if (response.ok) return text;
  throw new ClusterHttpError(`GET ${url}${path} was answered with ${response.status}: ${text.trim()}`);
}

export async function getJson(url: string, path: string): Promise<unknown> {
  return JSON.parse(await getText(url, path)) as unknown;
}
