import { http, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createFlockerBacking } from '../backing/flocker-backing.ts';
import type { BackingVolume } from '../backing/volume-backing.ts';
import { systemClock, type ClockPort } from '@drydock/base/ports';
import { createSeededRandom } from '@drydock/base/seeded-random';
import { createManualClock } from '../testing/manual-clock.ts';
import { FlockerClient } from './flocker-client.ts';
import type { RetrySchedule } from './retrying-request.ts';

const endpoint = 'http://control.test';
const server = setupServer();
const signal = AbortSignal.timeout(60_000);

beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterAll(() => server.close());
afterEach(() => server.resetHandlers());

const never = async (): Promise<Response> => await Promise.withResolvers<Response>().promise;

/** With a limit that only an answer that never comes is over. */
const inHaste: RetrySchedule = { attemptMs: 500, delayMs: 1 };

function client(clock: ClockPort, schedule: RetrySchedule = {}): FlockerClient {
  const fetchIt = async (url: string, init: RequestInit): Promise<Response> => await fetch(url, init);
  const ports = { fetch: fetchIt, clock, random: createSeededRandom(1) };
  return new FlockerClient({ endpoint, node: 'n1', ports, schedule });
}

const configured = { dataset_id: 'd1', primary: 'n1', maximum_size: 5, metadata: { name: 'v1' } };
const lists = (state: object): void =>
  server.use(
    http.get(`${endpoint}/v1/configuration/datasets`, () => HttpResponse.json([configured])),
    http.get(`${endpoint}/v1/state/datasets`, () => HttpResponse.json([{ dataset_id: 'd1', ...state }])),
    http.post(`${endpoint}/v1/configuration/datasets/d1`, () => HttpResponse.json(configured)),
  );

describe('the flocker client', () => {
  it('tells where datasets are', async () => {
    lists({ primary: 'n2' });
    expect(await client(createManualClock()).list({ signal })).toEqual([
      { id: 'd1', name: 'v1', sizeBytes: 5, primary: 'n2' },
    ]);
  });

  it('takes a dataset that is there already for created', async () => {
    server.use(
      http.post(`${endpoint}/v1/configuration/datasets`, () =>
        HttpResponse.json({ description: 'taken' }, { status: 409 }),
      ),
    );
    const creating = client(createManualClock()).create({ id: 'd1', name: 'v1', sizeBytes: 5 }, { signal });
    await expect(creating).resolves.toBeUndefined();
  });

  it.each([
    ['a failure of the service', () => HttpResponse.json({}, { status: 502 })],
    ['something that is no JSON', () => new HttpResponse('<html>')],
    ['a lost connection', () => HttpResponse.error()],
    ['being throttled', () => HttpResponse.json({}, { status: 429 })],
    ['an answer that never comes', never],
    ['no list', () => HttpResponse.json({})],
  ])('asks again after %s', async (_title, answer) => {
    lists({});
    server.use(http.get(`${endpoint}/v1/configuration/datasets`, answer, { once: true }));
    expect(await client(systemClock, inHaste).list({ signal })).toHaveLength(1);
  });

  it('adopts the dataset of a creation that timed out', async () => {
    const ids: unknown[] = [];
    const answers = [never, () => HttpResponse.json({ description: 'taken' }, { status: 409 })];
    server.use(
      http.post(`${endpoint}/v1/configuration/datasets`, async ({ request }) => {
        ids.push(((await request.json()) as { dataset_id: unknown }).dataset_id); // the client sends nothing else
        return await (answers.shift() ?? never)();
      }),
    );
    const creating = client(systemClock, inHaste).create({ id: 'd1', name: 'v1', sizeBytes: 5 }, { signal });
    await expect(creating).resolves.toBeUndefined();
    expect(ids).toEqual(['d1', 'd1']);
  });

  it('tells a refusal at once', async () => {
    server.use(
      http.post(`${endpoint}/v1/configuration/datasets/d1`, () =>
        HttpResponse.json({ description: 'Dataset not found.' }, { status: 404 }),
      ),
    );
    const moving = client(createManualClock()).moveHere('d1', { signal });
    await expect(moving).rejects.toMatchObject({ code: 'FLOCKER_REFUSAL', status: 404, message: 'Dataset not found.' });
  });
});

describe('a dataset that does not come', () => {
  it('is given up after two minutes, asked for every second', async () => {
    lists({ primary: 'n2' });
    const clock = createManualClock();
    const backing = createFlockerBacking({ client: client(clock), clock });
    const volume = { uuid: 'd1' } as BackingVolume; // all that attach looks at
    await expect(backing.attach(volume, { signal, preempts: true })).rejects.toMatchObject({ code: 'ATTACH_TIMEOUT' });
    expect(clock.slept).toEqual(Array.from({ length: 120 }, () => 1_000));
  });
});
