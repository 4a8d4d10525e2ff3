import { http, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '@drydock/base/ports';
import { createSeededRandom } from '@drydock/base/seeded-random';
import { createManualClock, type ManualClock } from '../testing/manual-clock.ts';
import type { BlockStoreClient } from './block-store-client.ts';
import { createCinderClient } from './cinder-client.ts';
import { createEc2Client } from './ec2-client.ts';
import type { RequestPorts, RetrySchedule } from './retrying-request.ts';

const endpoint = 'http://cloud.test';
const server = setupServer();
const signal = AbortSignal.timeout(60_000);
let clock: ManualClock;
let requests: string[];

beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterAll(() => server.close());
beforeEach(() => {
  clock = createManualClock();
  requests = [];
});
afterEach(() => server.resetHandlers());

const ports = (): RequestPorts => ({
  fetch: async (url, init) => await fetch(url, init),
  clock,
  random: createSeededRandom(1),
});

/** Answers one after the other; the last one stays. */
function script(...answers: readonly (() => Response | Promise<Response>)[]): () => Response | Promise<Response> {
  let index = 0;
  return () => (answers[Math.min(index++, answers.length - 1)] ?? (() => HttpResponse.error()))();
}

const never = async (): Promise<Response> => await Promise.withResolvers<Response>().promise;

/** On the system's clock, with a limit that only an answer that never comes is over. */
const inHaste = (): { readonly ports: RequestPorts; readonly schedule: RetrySchedule } => ({
  ports: { ...ports(), clock: systemClock },
  schedule: { attemptMs: 500, delayMs: 1 },
});

describe('the EC2 client', () => {
  const client = (): BlockStoreClient =>
    createEc2Client({ endpoint, node: 'i-1', ports: ports(), schedule: { attemptMs: 5_000 } });
  const xml = (body: string, status = 200): Response => new HttpResponse(body, { status });
  const failure = (status: number, code: string): Response =>
    xml(`<Response><Errors><Error><Code>${code}</Code><Message>no</Message></Error></Errors></Response>`, status);
  const created = (): Response =>
    xml(
      '<CreateVolumeResponse><volumeId>vol-1</volumeId><size>16</size><status>creating</status></CreateVolumeResponse>',
    );
  const answers = (answer: () => Response | Promise<Response>): void =>
    server.use(
      http.post(`${endpoint}/`, async ({ request }) => {
        requests.push(await request.text());
        return await answer();
      }),
    );

  it.each([
    ['is throttled', () => failure(503, 'RequestLimitExceeded')],
    ['meets a failure of the service', () => failure(500, 'InternalError')],
    ['gets no XML', () => xml('<html>')],
    ['gets half an answer', () => xml('<CreateVolumeResponse><volumeId>vol')],
    ['gets another answer', () => xml('<OtherResponse/>')],
    ['is told of no volume', () => xml('<CreateVolumeResponse><size>16</size></CreateVolumeResponse>')],
    ['loses the connection', () => HttpResponse.error()],
  ])('asks again with the same client token when it %s', async (_title, answer) => {
    answers(script(answer, answer, created));
    expect(await client().create({ name: 'v1', sizeGib: 16 }, { signal })).toMatchObject({ id: 'vol-1', sizeGib: 16 });
    const tokens = requests.map((body) => new URLSearchParams(body).get('ClientToken'));
    expect(tokens).toEqual([tokens[0], tokens[0], tokens[0]]);
    expect(tokens[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  it('waits longer before each attempt, with jitter, and gives up after five', async () => {
    answers(() => failure(503, 'RequestLimitExceeded'));
    await expect(client().list({ signal })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', attemptCount: 5 });
    expect(requests).toHaveLength(5);
    const bounds = [100, 200, 400, 800];
    expect(clock.slept).toHaveLength(bounds.length);
    for (const [index, ms] of clock.slept.entries()) {
      expect(ms).toBeGreaterThanOrEqual((bounds[index] ?? 0) / 2);
      expect(ms).toBeLessThanOrEqual(bounds[index] ?? 0);
    }
  });

  it.each([
    ['VolumeInUse', async (to: BlockStoreClient) => await to.attach('vol-1', { signal })],
    ['IncorrectState', async (to: BlockStoreClient) => await to.attach('vol-1', { signal })],
    ['VolumeInUse', async (to: BlockStoreClient) => await to.delete('vol-1', { signal })],
  ])('tells %s at once', async (code, call) => {
    answers(() => failure(400, code));
    await expect(call(client())).rejects.toMatchObject({ reason: code, message: `${code}: no` });
    expect(requests).toHaveLength(1);
  });

  it.each([
    '<DescribeVolumesResponse/>',
    '<DescribeVolumesResponse><volumeSet><item/></volumeSet></DescribeVolumesResponse>',
  ])('takes %s for no list rather than for an empty one', async (body) => {
    const none = '<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>';
    answers(
      script(
        () => xml(body),
        () => xml(none),
      ),
    );
    expect(await client().list({ signal })).toEqual([]);
    expect(requests).toHaveLength(2);
  });

  it('names the status of a refusal that says nothing', async () => {
    answers(() => xml('<Response/>', 403));
    await expect(client().list({ signal })).rejects.toThrow('status 403: no error in the answer');
  });

  it('takes a volume that is gone for deleted, and one that is not attached for detached', async () => {
    answers(
      script(
        () => failure(400, 'InvalidVolume.NotFound'),
        () => failure(400, 'IncorrectState'),
      ),
    );
    await client().delete('vol-1', { signal });
    await client().detach('vol-1', { signal, isForced: false });
    expect(requests).toHaveLength(2);
  });

  it('ends an attempt that takes too long, and the wait with its signal', async () => {
    const hurried = createManualClock(Number.POSITIVE_INFINITY);
    const impatient = createEc2Client({ endpoint, node: 'i-1', ports: { ...ports(), clock: hurried } });
    answers(never);
    await expect(impatient.list({ signal })).rejects.toThrow('no answer within 10000 ms');
    const abort = new AbortController();
    const listing = client().list({ signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(listing).rejects.toThrow('enough');
  });

  it('adopts the volume of a creation that timed out', async () => {
    const tokens = new Set<string | null>();
    const hangOnce = script(never, created);
    server.use(
      http.post(`${endpoint}/`, async ({ request }) => {
        tokens.add(new URLSearchParams(await request.text()).get('ClientToken'));
        return await hangOnce();
      }),
    );
    const hurried = createEc2Client({ endpoint, node: 'i-1', ...inHaste() });
    expect(await hurried.create({ name: 'v1', sizeGib: 16 }, { signal })).toMatchObject({ id: 'vol-1' });
    expect(tokens.size).toBe(1);
  });

  it('reads names, states and attachments', async () => {
    const item = (id: string, attachment: string): string =>
      `<item><volumeId>${id}</volumeId><size>1</size><status>in-use</status><tagSet><item><key>Name</key><value>a&amp;b</value></item></tagSet>${attachment}</item>`;
    const attached =
      '<attachmentSet><item><instanceId>i-2</instanceId><status>attached</status></item></attachmentSet>';
    answers(() =>
      xml(
        `<DescribeVolumesResponse><volumeSet>${item('vol-1', attached)}${item('vol-2', '<attachmentSet/>')}</volumeSet></DescribeVolumesResponse>`,
      ),
    );
    expect(await client().list({ signal })).toMatchObject([
      { id: 'vol-1', name: 'a&b', node: 'i-2', state: 'in-use' },
      { id: 'vol-2', state: 'in-use' },
    ]);
  });
});

describe('the Cinder client', () => {
  const client = (): BlockStoreClient => createCinderClient({ endpoint, node: 'server-1', ports: ports() });
  const volumes = `${endpoint}/volume/v3/drydock/volumes`;
  const volume = {
    id: 'c1',
    name: 'v1',
    size: 1,
    status: 'creating',
    attachments: [],
    created_at: '2026-11-25T00:00:00.000',
  };
  let tokenCount: number;

  beforeEach(() => {
    tokenCount = 0;
    server.use(
      http.post(`${endpoint}/identity/v3/auth/tokens`, () => {
        tokenCount++;
        return HttpResponse.json({ token: {} }, { status: 201, headers: { 'X-Subject-Token': `token-${tokenCount}` } });
      }),
    );
  });

  it('gets a token once and sends it', async () => {
    const seen: (string | null)[] = [];
    server.use(
      http.get(`${volumes}/detail`, ({ request }) => {
        seen.push(request.headers.get('X-Auth-Token'));
        return HttpResponse.json({ volumes: [] });
      }),
    );
    const once = client();
    await once.list({ signal });
    await once.list({ signal });
    expect(seen).toEqual(['token-1', 'token-1']);
    expect(tokenCount).toBe(1);
  });

  it('gets another token when the first one is refused, and no third', async () => {
    server.use(
      http.get(`${volumes}/detail`, ({ request }) =>
        request.headers.get('X-Auth-Token') === 'token-2'
          ? HttpResponse.json({ volumes: [volume] })
          : HttpResponse.json({ error: { code: 401 } }, { status: 401 }),
      ),
    );
    expect(await client().list({ signal })).toMatchObject([{ id: 'c1', name: 'v1', sizeGib: 1, state: 'creating' }]);
    server.use(http.get(`${volumes}/detail`, () => HttpResponse.json({ error: { code: 401 } }, { status: 401 })));
    tokenCount = 0;
    await expect(client().list({ signal })).rejects.toThrow('the token is not taken');
    expect(tokenCount).toBe(2);
  });

  it('says that the password is refused', async () => {
    server.use(http.post(`${endpoint}/identity/v3/auth/tokens`, () => HttpResponse.json({}, { status: 401 })));
    await expect(client().list({ signal })).rejects.toMatchObject({ reason: 'Unauthorized' });
  });

  it.each([
    ['whose answer was lost', () => HttpResponse.error()],
    ['that timed out', never],
    ['whose answer names no volume', () => HttpResponse.json({ volume: {} }, { status: 202 })],
  ])('adopts the volume of a creation %s', async (_title, answer) => {
    const made: { metadata: object }[] = [];
    server.use(
      http.post(volumes, async ({ request }) => {
        const asked = (await request.json()) as { volume: { metadata: object } }; // the client sends nothing else
        made.push({ ...volume, metadata: asked.volume.metadata });
        return await answer();
      }),
      http.get(`${volumes}/detail`, () => HttpResponse.json({ volumes: [{ ...volume, id: 'older' }, ...made] })),
    );
    const hurried = createCinderClient({ endpoint, node: 'server-1', ...inHaste() });
    expect(await hurried.create({ name: 'v1', sizeGib: 1 }, { signal })).toMatchObject({ id: 'c1' });
    expect(made).toHaveLength(1);
  });

  it('creates again when the lost creation made nothing', async () => {
    server.use(
      http.post(
        volumes,
        script(
          () => HttpResponse.error(),
          () => HttpResponse.json({ volume }, { status: 202 }),
        ),
      ),
      http.get(`${volumes}/detail`, () => HttpResponse.json({ volumes: [] })),
    );
    expect(await client().create({ name: 'v1', sizeGib: 1 }, { signal })).toMatchObject({ id: 'c1' });
  });

  it('waits as long as a throttling service asks', async () => {
    const busy = (): Response => HttpResponse.json({ overLimit: {} }, { status: 429, headers: { 'Retry-After': '1' } });
    server.use(
      http.get(
        `${volumes}/detail`,
        script(busy, () => HttpResponse.json({ volumes: [] })),
      ),
    );
    await client().list({ signal });
    expect(clock.slept).toEqual([1000]);
  });

  it.each([
    ['a failure of the service', () => HttpResponse.json({}, { status: 500 })],
    ['something that is no JSON', () => new HttpResponse('<html>')],
    ['an answer that never comes', never],
    ['an answer without a list', () => HttpResponse.json({})],
    ['null for the list', () => HttpResponse.json({ volumes: null })],
    ['a volume without an id', () => HttpResponse.json({ volumes: [{ name: 'v1' }] })],
  ])('asks again after %s', async (_title, answer) => {
    server.use(
      http.get(
        `${volumes}/detail`,
        script(answer, () => HttpResponse.json({ volumes: [volume] })),
      ),
    );
    const hurried = createCinderClient({ endpoint, node: 'server-1', ...inHaste() });
    expect(await hurried.list({ signal })).toMatchObject([{ id: 'c1' }]);
  });

  it('tells a quota at once', async () => {
    const full = { overLimit: { code: 413, message: 'VolumeLimitExceeded' } };
    server.use(
      http.post(volumes, () => {
        requests.push('create');
        return HttpResponse.json(full, { status: 413 });
      }),
    );
    await expect(client().create({ name: 'v1', sizeGib: 1 }, { signal })).rejects.toThrow(
      'overLimit: VolumeLimitExceeded',
    );
    expect(requests).toHaveLength(1);
  });
});
