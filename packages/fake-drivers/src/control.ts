/**
 * The control endpoint of a fake driver, on its own socket beside the protocol: what tests and people ask it. Answers are
 * JSON, refusals status 400 with `{"error": TEXT}`.
 */
import { messageOf } from '@drydock/base/errors';
import type { HttpAnswer, HttpRequest } from '@drydock/volume-plugin/server';
import type { StartedFakeDriver } from './fake-driver.ts';
import type { StateDamage } from './records/record-book.ts';

type Handler = (driver: StartedFakeDriver, body: string) => Promise<object>;

/** Method and path of every request of the endpoint. */
export const controlRequests: Readonly<Record<string, Handler>> = {
  'GET /drydock/profile': async ({ profile, seed }) => ({ profile: toJsonProfile(profile), seed }),
  'GET /drydock/requests': async (driver) => ({ requests: driver.requests() }),
  'GET /drydock/misuses': async (driver) => ({ misuses: driver.misuses() }),
  'GET /drydock/volumes': async ({ engine }) => ({ volumes: await engine.list() }),
  'GET /drydock/faults': async ({ faults }) => ({ faults }),
  'PUT /drydock/faults': async (driver, body) => {
    driver.useFaults(body.trim());
    return { faults: driver.faults };
  },
  'POST /drydock/restart': async (driver, body) => {
    const state = parseState(body.trim());
    await driver.restart(state);
    return { state };
  },
};

/** Answers a request of the endpoint; undefined for everything else. */
export async function routeControl(request: HttpRequest, driver: StartedFakeDriver): Promise<HttpAnswer | undefined> {
  const key = `${request.method} ${request.path}`;
  const handler = Object.hasOwn(controlRequests, key) ? controlRequests[key] : undefined;
  if (handler === undefined) return undefined;
  try {
    return toJson(200, await handler(driver, request.body));
  } catch (error) {
    return toJson(400, { error: messageOf(error) });
  }
}

/** A profile as JSON: patterns become their source. */
export function toJsonProfile(profile: StartedFakeDriver['profile']): object {
  return { ...profile, nameRule: profile.nameRule.source };
}

function parseState(text: string): StateDamage {
  if (text === '') return 'kept';
  if (text === 'kept' || text === 'lost' || text === 'torn') return text;
  throw new Error(`Expected kept, lost or torn, got "${text}"`);
}

function toJson(status: number, value: object): HttpAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}
