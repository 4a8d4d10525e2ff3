import { link, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPluginRouter, type VolumeDriverHandlers } from './plugin-router.ts';
import type { ReplyStyleName } from './reply-style.ts';
import { startUnixHttpServer, type HttpAnswer, type StartedUnixHttpServer } from './unix-http-server.ts';

let directory: string;
let server: StartedUnixHttpServer | undefined;
let socketPath: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'server-'));
  socketPath = join(directory, 'run', 'd.sock');
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
  await rm(directory, { recursive: true });
});

const handlers: VolumeDriverHandlers = {
  create: async ({ Name, Opts }) => {
    if (Name === 'bad') throw new Error('no <such> thing');
    expect(Opts).toEqual(Name === 'plain' ? {} : { size: '1' });
  },
  remove: async () => undefined,
  mount: async ({ Name, ID }) => `/m/${Name}/${ID ?? 'none'}`,
  unmount: async () => undefined,
  path: async () => '',
  get: async ({ Name }) => ({ Name }),
  list: async () => [],
  capabilities: async () => ({ Scope: 'local' }),
};

async function serve(style: ReplyStyleName): Promise<void> {
  const router = createPluginRouter({ handlers, style });
  server = await startUnixHttpServer({
    socketPath,
    bodyBytesMax: 200,
    handle: async (request) => (await router.route(request)) ?? router.notFound(request),
  });
}

interface Answer {
  readonly status: number | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

async function call(path: string, body: string, method = 'POST'): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = httpRequest({ socketPath, path, method, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () =>
      resolve({ status: response.statusCode, contentType: response.headers['content-type'], body: text }),
    );
  });
  request.on('error', reject);
  request.end(body);
  return await promise;
}

describe('a plugin server', () => {
  it.each([
    ['Activate without a body', '/Plugin.Activate', '', 200, '{\n\t"Implements": [\n\t\t"VolumeDriver"\n\t]\n}'],
    ['Create', '/VolumeDriver.Create', '{"Name":"v","Opts":{"size":"1"}}\n', 200, '{}'],
    ['Create with null options', '/VolumeDriver.Create', '{"Name":"plain","Opts":null}\n', 200, '{}'],
    ['Mount with an ID', '/VolumeDriver.Mount', '{"Name":"v","ID":"7"}', 200, '{\n\t"Mountpoint": "/m/v/7"\n}'],
    ['Path while not mounted', '/VolumeDriver.Path', '{"Name":"v"}', 200, '{}'],
    ['List of nothing', '/VolumeDriver.List', '{}', 200, '{}'],
    ['a refusal', '/VolumeDriver.Create', '{"Name":"bad"}', 200, '{\n\t"Err": "no \\u003csuch\\u003e thing"\n}'],
    ['a request without a body', '/VolumeDriver.Create', '', 200, '{\n\t"Err": "EOF"\n}'],
    [
      'a name that is no text',
      '/VolumeDriver.Get',
      '{"Name":1}',
      200,
      '{\n\t"Err": "json: cannot unmarshal number into Go struct field pluginRequest.Name of type string"\n}',
    ],
    ['an unknown path', '/VolumeDriver.Nope', '{}', 404, 'Handler not found: POST /VolumeDriver.Nope\n'],
  ])('answers %s as convoy does', async (_title, path, body, status, text) => {
    await serve('convoy');
    expect(await call(path, body)).toEqual({ status, contentType: 'text/plain; charset=utf-8', body: text });
  });

  it.each([
    ['Create', '/VolumeDriver.Create', '{"Name":"plain"}', 200, '{}\n'],
    ['a refusal', '/VolumeDriver.Create', '{"Name":"bad"}', 500, '{"Err":"no \\u003csuch\\u003e thing"}\n'],
    ['a bad request', '/VolumeDriver.Create', 'x', 400, "invalid character 'x' looking for beginning of value\n"],
    ['a request without a body', '/VolumeDriver.Create', '', 400, 'EOF\n'],
    ['an unknown path', '/x', '{}', 404, '404 page not found\n'],
  ])('answers %s as go-plugins-helpers does', async (_title, path, body, status, text) => {
    await serve('sdk');
    expect(await call(path, body)).toMatchObject({ status, body: text });
  });

  it('takes POST only', async () => {
    await serve('convoy');
    expect(await call('/VolumeDriver.List', '', 'GET')).toMatchObject({ status: 404 });
  });

  it('takes a body of the allowed length and refuses one byte more', async () => {
    await serve('convoy');
    const body = '{"Name":"plain"}';
    expect(await call('/VolumeDriver.Create', body.padEnd(200))).toMatchObject({ status: 200 });
    expect(await call('/VolumeDriver.Create', body.padEnd(201))).toMatchObject({ status: 413 });
  });

  it('reads what is too long to its end, so that its sender sees the answer', async () => {
    await serve('convoy');
    const answer = { status: 413, body: 'request body too long\n' };
    expect(await call('/VolumeDriver.Create', 'x'.repeat(64 * 200))).toMatchObject(answer);
    // Of far more than that, the sender may see the connection end before the answer.
    await Promise.allSettled([call('/VolumeDriver.Create', 'x'.repeat(10_000_000))]);
    expect(await call('/VolumeDriver.List', '')).toMatchObject({ status: 200 });
  });

  it.each([
    ['convoy', 200, '{\n\t"Err": "Expected the name of a volume in Name of VolumeDriver.Mount, got \\"\\""\n}'],
    ['sdk', 400, 'Expected the name of a volume in Name of VolumeDriver.Mount, got ""\n'],
  ] as const)('refuses a call without a name, as %s', async (style, status, text) => {
    await serve(style);
    expect(await call('/VolumeDriver.Mount', '{}')).toMatchObject({ status, body: text });
  });

  it('takes an empty Host header and none', async () => {
    await serve('convoy');
    for (const head of ['Host: \r\n', '']) {
      expect(await exchange(`POST /VolumeDriver.List HTTP/1.1\r\n${head}Connection: close\r\n\r\n`)).toMatch(
        'HTTP/1.1 200 OK',
      );
    }
  });
});

/** What comes back for these bytes until the server hangs up. */
async function exchange(text: string): Promise<string> {
  const socket = connect({ path: socketPath });
  let answer = '';
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.setEncoding('latin1').on('data', (more: string) => (answer += more));
  socket.on('error', () => resolve()).on('close', () => resolve());
  socket.write(text);
  await promise;
  return answer;
}

describe('startUnixHttpServer', () => {
  const handle = async (): Promise<HttpAnswer> => ({ status: 200, contentType: 'text/plain', body: 'x' });

  it('hangs up on a request that does not come to its end', async () => {
    server = await startUnixHttpServer({ socketPath, handle, requestMs: 100 });
    expect(await exchange('POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf')).toMatch('HTTP/1.1 408 ');
    expect(await call('/', '')).toMatchObject({ body: 'x' });
  });

  it('hangs up on a client that sends more than 64 requests ahead of their answers', async () => {
    let askedCount = 0;
    server = await startUnixHttpServer({
      socketPath,
      handle: async () => {
        askedCount++;
        return await Promise.resolve('no-reply');
      },
    });
    expect(await exchange('POST / HTTP/1.1\r\n\r\n'.repeat(65))).toBe('');
    expect(askedCount).toBeLessThanOrEqual(64);
  });

  it('makes a socket that only its owner may use and removes it at stop', async () => {
    server = await startUnixHttpServer({ socketPath, handle });
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
    await server.stop();
    await expect(stat(socketPath)).rejects.toThrow('ENOENT');
  });

  it('refuses a socket that another server listens on', async () => {
    server = await startUnixHttpServer({ socketPath, handle });
    await expect(startUnixHttpServer({ socketPath, handle })).rejects.toThrow('another process is listening there');
    expect(await call('/', '')).toMatchObject({ body: 'x' });
  });

  it('refuses a file that is no socket, and keeps it', async () => {
    await mkdir(dirname(socketPath));
    await writeFile(socketPath, 'mine');
    await expect(startUnixHttpServer({ socketPath, handle })).rejects.toThrow('a file that is no socket is there');
    expect((await stat(socketPath)).size).toBe(4);
  });

  it('takes the place of a dead socket', async () => {
    await mkdir(dirname(socketPath));
    const dead = createServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    dead.listen({ path: `${socketPath}.first` }, resolve);
    await promise;
    // A hard link to a socket stays when its server closes and removes its own path.
    await link(`${socketPath}.first`, socketPath);
    dead.close();
    server = await startUnixHttpServer({ socketPath, handle });
    expect(await call('/', '')).toMatchObject({ body: 'x' });
  });

  it('ends with the answers in the making before it stops', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: started, resolve: onStart } = Promise.withResolvers<void>();
    server = await startUnixHttpServer({
      socketPath,
      handle: async () => {
        onStart();
        await released;
        return await handle();
      },
    });
    const answered = call('/', '');
    await started;
    const stopping = server.stop();
    release();
    expect(await answered).toMatchObject({ status: 200 });
    await stopping;
  });

  it('does not wait for a request that it will never answer', async () => {
    const { promise: started, resolve: onStart } = Promise.withResolvers<void>();
    server = await startUnixHttpServer({
      socketPath,
      handle: async () => {
        onStart();
        return 'no-reply';
      },
    });
    const [answered] = await Promise.allSettled([call('/', ''), started.then(async () => await server?.stop())]);
    expect(answered).toMatchObject({ status: 'rejected', reason: { message: 'socket hang up' } });
  });
});
