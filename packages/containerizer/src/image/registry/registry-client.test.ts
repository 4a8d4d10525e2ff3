/** What a registry asks for before it gives something, and the faults on the way. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HttpResponse, http } from 'msw';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256, tarOf } from '../../testing/image-archive.ts';
import { RegistryContent, blobUrl, registryImage } from '../../testing/registry-image.ts';
import {
  ORIGIN,
  expectNothingStored,
  openRegistryStore,
  useNetwork,
  type RegistryStoreOptions,
} from '../../testing/registry-store.ts';
import type { ImageStore, StoredImage } from '../image-store.ts';
import { DockerCredentials } from './docker-config.ts';

const REALM = 'https://auth.test/token';
const LAYER = tarOf([{ path: 'etc/file', content: 'x' }]);
const image = registryImage([{ tar: LAYER }]);
const BLOB = blobUrl(ORIGIN, 'ubuntu', LAYER);
const MANIFEST = `${ORIGIN}/v2/ubuntu/manifests/latest`;
const CREDENTIALS = Buffer.from('user:secret').toString('base64');
const credentialsFor = (host: string): DockerCredentials => new DockerCredentials(new Map([[host, CREDENTIALS]]));

const server = useNetwork();
let directory: string;
let content: RegistryContent;
let store: ImageStore;
const openStore = async (options: RegistryStoreOptions = {}): Promise<ImageStore> =>
  await openRegistryStore(directory, options);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-'));
  content = new RegistryContent().add('ubuntu', 'latest', image).add('ubuntu', 'other', image);
  server.use(content.handler(ORIGIN));
  store = await openStore();
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(directory, { recursive: true, force: true });
});

const get = async (name = 'ubuntu', isCached = true): Promise<StoredImage> =>
  await store.get(name, { isCached, signal: AbortSignal.timeout(15_000) });
const failure = (why: string): string => `Failed to pull image 'ubuntu' from '${ORIGIN}': ${why}`;

/** The registry wants `authorization`, and otherwise answers with a challenge. */
const demand = (authorization: () => string, challenge: string, origin = ORIGIN): void =>
  server.use(
    http.get(`${origin}/v2/*`, ({ request }) =>
      request.headers.get('authorization') === authorization()
        ? content.answer(request)
        : HttpResponse.json({ errors: [] }, { status: 401, headers: { 'WWW-Authenticate': challenge } }),
    ),
  );
const BEARER = `Bearer realm="${REALM}",service="registry.test",scope="repository:ubuntu:pull"`;

describe('a registry with a token server', () => {
  let asked: { url: string; authorization: string | null }[];
  let answer: () => Response;
  beforeEach(() => {
    asked = [];
    answer = () => HttpResponse.json({ token: 'good', expires_in: 300 });
    server.use(
      http.get(REALM, ({ request }) => {
        asked.push({ url: request.url, authorization: request.headers.get('authorization') });
        return answer();
      }),
    );
    demand(() => 'Bearer good', BEARER);
  });

  it('gives with a token that is asked for once, by nobody in particular', async () => {
    await get();
    await get('ubuntu:other');
    expect(asked).toEqual([
      { url: `${REALM}?service=registry.test&scope=repository%3Aubuntu%3Apull`, authorization: null },
    ]);
  });

  it('is asked for a token of each repository', async () => {
    content.add('team/app', 'latest', image);
    demand(() => 'Bearer good', `Bearer realm="${REALM}"`);
    await get('ubuntu');
    await get('team/app');
    expect(asked.map(({ url }) => new URL(url).searchParams.get('scope'))).toEqual([
      'repository:ubuntu:pull',
      'repository:team/app:pull',
    ]);
  });

  it('is asked again when the token has expired', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await get();
    vi.setSystemTime(Date.now() + 294_000);
    await get('ubuntu', false);
    expect(asked).toHaveLength(1);
    vi.setSystemTime(Date.now() + 2_000);
    await get('ubuntu', false);
    expect(asked).toHaveLength(2);
  });

  it('is asked again when the registry does not take the token any more', async () => {
    await get();
    answer = () => HttpResponse.json({ access_token: 'better' });
    demand(() => 'Bearer better', BEARER);
    await get('ubuntu', false);
    expect(asked).toHaveLength(2);
  });

  it('gets the credentials of its registry', async () => {
    store = await openStore({ credentials: credentialsFor('registry.test') });
    await get();
    expect(asked.map(({ authorization }) => authorization)).toEqual([`Basic ${CREDENTIALS}`]);
  });

  it('does not get credentials of others', async () => {
    store = await openStore({ credentials: credentialsFor('auth.test') });
    await get();
    expect(asked.map(({ authorization }) => authorization)).toEqual([null]);
  });

  it('gets no credentials where others could read along', async () => {
    store = await openStore({ credentials: credentialsFor('registry.test') });
    demand(() => 'Bearer good', 'Bearer realm="http://auth.test/token"');
    await expect(get()).rejects.toThrow(
      failure(
        "the credentials of --docker_config are not sent to 'http://auth.test', which is neither https nor this machine",
      ),
    );
    expect(asked).toEqual([]);
  });

  it.each<[string, () => Response, string]>([
    [
      'refuses',
      () => HttpResponse.json({ errors: [{ code: 'UNAUTHORIZED', message: 'wrong\npassword' }] }, { status: 401 }),
      `Unexpected HTTP response '401 Unauthorized' when trying to GET '${REALM}?service=registry.test&scope=repository%3Aubuntu%3Apull': UNAUTHORIZED: wrong password; check what --docker_config has for this registry`,
    ],
    [
      'is not there',
      () => new HttpResponse(null, { status: 404 }),
      `Unexpected HTTP response '404 Not Found' when trying to GET '${REALM}?service=registry.test&scope=repository%3Aubuntu%3Apull'`,
    ],
    [
      'gives a token that the registry does not take',
      () => HttpResponse.json({ token: 'bad' }),
      "Unexpected HTTP response '401 Unauthorized' when trying to get the manifest; check what --docker_config has for this registry",
    ],
    ['gives no token', () => HttpResponse.json({}), "Failed to find token in JSON object of 'https://auth.test'"],
    [
      'gives what is no token',
      () => HttpResponse.json({ token: 'a\r\nX-Header: b' }),
      "Failed to find token in JSON object of 'https://auth.test'",
    ],
    [
      'gives no JSON',
      () => new HttpResponse('secret'),
      `Parsing the JSON object failed when trying to GET '${REALM}?service=registry.test&scope=repository%3Aubuntu%3Apull'`,
    ],
  ])('that %s is an error', async (_title, response, why) => {
    answer = response;
    await expect(get()).rejects.toHaveProperty('message', failure(why));
    await expectNothingStored(directory);
  });
});

describe('a registry that asks for credentials', () => {
  it('gets those of --docker_config for its host', async () => {
    demand(() => `Basic ${CREDENTIALS}`, 'Basic realm="x"');
    store = await openStore({ credentials: credentialsFor('registry.test') });
    expect((await get()).layerIds).toHaveLength(1);
  });

  it('gets them on this machine also without TLS', async () => {
    const origin = 'http://127.0.0.1:5055';
    demand(() => `Basic ${CREDENTIALS}`, 'Basic realm="x"', origin);
    store = await openStore({ credentials: credentialsFor('127.0.0.1:5055'), origin });
    expect((await get()).layerIds).toHaveLength(1);
  });

  it.each([
    [
      'there are none for it',
      ORIGIN,
      'Basic realm="x"',
      'other.test',
      "the registry asks for credentials, and --docker_config has none for 'registry.test'",
    ],
    [
      'it does not speak TLS',
      'http://registry.test',
      'Basic realm="x"',
      'registry.test',
      "the credentials of --docker_config are not sent to 'http://registry.test', which is neither https nor this machine",
    ],
    [
      'it wants something else',
      ORIGIN,
      'Negotiate abc, Digest realm="x"',
      'registry.test',
      'Unsupported auth-scheme: ',
    ],
    [
      'its token server is nowhere',
      ORIGIN,
      'Bearer service="x"',
      'registry.test',
      "Missing 'realm' in WWW-Authenticate",
    ],
    [
      'its token server is no URL',
      ORIGIN,
      'Bearer realm="file:///etc"',
      'registry.test',
      "Expected 'realm' in WWW-Auth",
    ],
  ])('gets none when %s', async (_title, origin, challenge, host, why) => {
    demand(() => 'nothing', challenge, origin);
    store = await openStore({ credentials: credentialsFor(host), origin });
    await expect(get()).rejects.toThrow(`Failed to pull image 'ubuntu' from '${origin}': ${why}`);
    await expectNothingStored(directory);
  });
});

describe('a registry that redirects', () => {
  const redirect = (to: string): Response => new HttpResponse(null, { status: 307, headers: { Location: to } });

  it('to another host is followed without what authorises for it', async () => {
    const seen: (string | null)[] = [];
    demand(() => `Basic ${CREDENTIALS}`, 'Basic realm="x"');
    server.use(
      http.get(BLOB, ({ request }) =>
        request.headers.get('authorization') === `Basic ${CREDENTIALS}`
          ? redirect('https://storage.test/blob?signature=1')
          : new HttpResponse(null, { status: 403 }),
      ),
      http.get('https://storage.test/blob', ({ request }) => {
        seen.push(request.headers.get('authorization'));
        return new HttpResponse(new Uint8Array(LAYER));
      }),
    );
    store = await openStore({ credentials: credentialsFor('registry.test') });
    expect((await get()).layerIds).toEqual([sha256(LAYER)]);
    expect(seen).toEqual([null]);
  });

  it('to itself gets it again', async () => {
    const seen: (string | null)[] = [];
    demand(() => `Basic ${CREDENTIALS}`, 'Basic realm="x"');
    server.use(
      http.get(BLOB, () => redirect('/elsewhere')),
      http.get(`${ORIGIN}/elsewhere`, ({ request }) => {
        seen.push(request.headers.get('authorization'));
        return new HttpResponse(new Uint8Array(LAYER));
      }),
    );
    store = await openStore({ credentials: credentialsFor('registry.test') });
    await get();
    expect(seen).toEqual([`Basic ${CREDENTIALS}`]);
  });

  it.each([
    ['for ever', '', `${ORIGIN} redirects more than 5 times`],
    ['to plain http', 'http://storage.test/', `${ORIGIN} redirects to 'http://storage.test', which is not https`],
    ['to a file', 'file:///etc/passwd', `${ORIGIN} redirects to 'file:///etc/passwd', which is not an address`],
  ])('%s is not followed', async (_title, to, why) => {
    server.use(http.get(MANIFEST, () => redirect(to === '' ? MANIFEST : to)));
    await expect(get()).rejects.toThrow(failure(why));
  });
});

describe('a registry that fails', () => {
  it.each<[string, string, () => Response]>([
    ['with 500', MANIFEST, () => new HttpResponse(null, { status: 500 })],
    ['with 429', BLOB, () => new HttpResponse(null, { status: 429, headers: { 'Retry-After': '0' } })],
    [
      'with 503 until a date',
      BLOB,
      () => new HttpResponse(null, { status: 503, headers: { 'Retry-After': new Date(0).toUTCString() } }),
    ],
    ['to answer', MANIFEST, () => HttpResponse.error()],
    [
      'in the middle',
      BLOB,
      () => {
        const body = new ReadableStream({
          pull: (controller) => {
            controller.enqueue(new Uint8Array(LAYER.subarray(0, 100)));
            controller.error(new TypeError('terminated'));
          },
        });
        return new HttpResponse(body, { headers: { 'Content-Length': String(LAYER.length) } });
      },
    ],
    ['by silence', BLOB, () => new HttpResponse(new ReadableStream({ start: () => undefined }))],
  ])('%s once is asked again', async (_title, url, fault) => {
    store = await openStore({ stallMsMax: 500 });
    let count = 0;
    server.use(
      http.get(url, ({ request }) => {
        count += 1;
        return count === 1 ? fault() : content.answer(request);
      }),
    );
    expect((await get()).layerIds).toEqual([sha256(LAYER)]);
    expect(count).toBe(2);
  });

  it('is asked as late as it says', async () => {
    const times: number[] = [];
    server.use(
      http.get(MANIFEST, ({ request }) => {
        times.push(Date.now());
        const busy = new HttpResponse(null, { status: 429, headers: { 'Retry-After': '1' } });
        return times.length === 1 ? busy : content.answer(request);
      }),
    );
    await get();
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(999);
  });

  it.each<[string, () => Response | Promise<Response>, number, string]>([
    [
      'with 502',
      () => new HttpResponse('<html>', { status: 502 }),
      3,
      "Unexpected HTTP response '502 Bad Gateway' when trying to get the manifest (3 attempts)",
    ],
    [
      'and wants an hour',
      () =>
        HttpResponse.json(
          { errors: [{ code: 'TOOMANYREQUESTS', message: 'limit' }] },
          { status: 429, headers: { 'Retry-After': '3600' } },
        ),
      1,
      "Unexpected HTTP response '429 Too Many Requests' when trying to get the manifest: TOOMANYREQUESTS: limit; the registry asks to come back in 3600 s",
    ],
    ['to answer', () => HttpResponse.error(), 3, `Failed to reach ${ORIGIN}: `],
    ['by silence', async () => await new Promise<never>(() => undefined), 3, 'nothing came for 100 ms (3 attempts)'],
    [
      'with 418',
      () => new HttpResponse(null, { status: 418 }),
      1,
      "Unexpected HTTP response '418 I'm a Teapot' when trying to get the manifest",
    ],
  ])('%s for good is an error', async (_title, fault, attempts, why) => {
    store = await openStore({ stallMsMax: 100 });
    let count = 0;
    server.use(
      http.get(MANIFEST, () => {
        count += 1;
        return fault();
      }),
    );
    await expect(get()).rejects.toThrow(failure(why));
    expect(count).toBe(attempts);
    await expectNothingStored(directory);
  });

  it('to come to an end is given up with its pull', async () => {
    store = await openStore({ pullMsMax: 100 });
    server.use(http.get(BLOB, async () => await new Promise<never>(() => undefined)));
    await expect(get()).rejects.toThrow("Failed to pull image 'ubuntu': it is not there after 100 ms");
    await expectNothingStored(directory);
  });

  it('may have recovered for the next task', async () => {
    let isBroken = true;
    server.use(
      http.get(BLOB, ({ request }) => (isBroken ? new HttpResponse(null, { status: 500 }) : content.answer(request))),
    );
    await expect(get()).rejects.toThrow('500 Internal Server Error');
    await expectNothingStored(directory);
    isBroken = false;
    expect((await get()).layerIds).toHaveLength(1);
  });
});
