import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { LogFields, Logger } from '@drydock/base/log';
import { waitUntil } from '@drydock/base/wait-until';
import { describe, expect, it, vi } from 'vitest';
import { schedulerCallType } from '../codec/schema.ts';
import { acceptedContentType, readCall } from './content-negotiation.ts';
import type { RecordStream } from './record-stream.ts';
import { HttpError, acceptedReply, bytesReply, jsonReply, streamReply, textReply } from './reply.ts';
import { endServicesAfterEach, open, serve, urlOf } from '../testing/served-routes.ts';
import { BindFailedError, startHttpService, type HttpRoute } from './service.ts';

endServicesAfterEach();

const state: HttpRoute = { method: 'GET', path: '/state', handle: () => jsonReply({ id: 'S0', text: 'ü' }) };
const echo: HttpRoute = {
  method: 'POST',
  path: '/echo',
  handle: (request) => bytesReply(request.body, { 'X-Query': request.query.get('q') ?? '' }),
};
const api: HttpRoute = {
  method: 'POST',
  path: '/api',
  handle: (request) => textReply(200, `${readCall(request, schedulerCallType).type} ${acceptedContentType(request)}`),
};

describe('HTTP service', () => {
  it.each(['/state', '/slave(1)/state', '/slave%281%29/state', '/st%61te?x=1'])('answers %s', async (path) => {
    const response = await fetch(urlOf(await serve([state]), path));
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(await response.json()).toEqual({ id: 'S0', text: 'ü' });
  });

  it.each([
    ['GET', '/none', 404],
    ['GET', '/state/', 404],
    ['GET', '/slave(2)/state', 404],
    ['GET', '/slave(1)/slave(1)/state', 404],
    ['GET', '/__proto__', 404],
    ['GET', '/%zz', 400],
    ['POST', '/state', 405],
    ['HEAD', '/state', 405],
  ])('answers %s %s with %i', async (method, path, status) => {
    expect((await fetch(urlOf(await serve([state]), path), { method })).status).toBe(status);
  });

  it('names the methods that a path allows', async () => {
    const both = [state, { ...state, method: 'POST' as const }];
    const response = await fetch(urlOf(await serve(both), '/state'), { method: 'PUT' });
    expect(response.headers.get('Allow')).toBe('GET, POST');
    expect(await response.text()).toBe("Expecting one of { 'GET', 'POST' }, but received 'PUT'");
  });

  it('hands the body and the query over', async () => {
    const body = Buffer.from([0, 255, 10]);
    const response = await fetch(urlOf(await serve([echo]), '/echo?q=a%20b'), { method: 'POST', body });
    expect(response.headers.get('X-Query')).toBe('a b');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(body);
  });

  it.each(['cb', 'angular.callbacks._0', 'a[0].$b'])('wraps JSON for the callback %s', async (callback) => {
    const response = await fetch(urlOf(await serve([state]), `/state?jsonp=${encodeURIComponent(callback)}`));
    expect(response.headers.get('Content-Type')).toBe('text/javascript');
    expect(await response.text()).toBe(`${callback}({"id":"S0","text":"ü"})`);
  });

  it.each(['', 'alert(1)//', 'a b', '<script>', 'x'.repeat(129)])('refuses the callback %j', async (callback) => {
    const response = await fetch(urlOf(await serve([state]), `/state?jsonp=${encodeURIComponent(callback)}`));
    expect(response.status).toBe(400);
    expect(response.headers.get('Content-Type')).toMatch(/^text\/plain/);
  });

  it('sends a refusal as it says, and hides any other failure', async () => {
    const logged: [string, LogFields | undefined][] = [];
    const note = (message: string, fields?: LogFields): void => void logged.push([message, fields]);
    const logger: Logger = { info: note, warning: note, error: note, child: () => logger };
    const refuse = (): never => {
      throw new HttpError(403, 'Framework is not subscribed', { 'X-Why': 'test' });
    };
    const fail = (): never => {
      throw new Error('secret detail');
    };
    const routes = [
      { method: 'GET', path: '/refuse', handle: refuse },
      { method: 'GET', path: '/fail', handle: fail },
    ] as const;
    const service = await serve([...routes], { logger });
    const refusal = await fetch(urlOf(service, '/refuse'));
    expect([refusal.status, refusal.headers.get('X-Why'), await refusal.text()]).toEqual([
      403,
      'test',
      'Framework is not subscribed',
    ]);
    expect(logged).toEqual([]);
    const failure = await fetch(urlOf(service, '/fail'));
    expect([failure.status, await failure.text()]).toEqual([500, 'Internal Server Error']);
    expect(logged).toEqual([
      ['Request failed', expect.objectContaining({ url: '/fail', error: new Error('secret detail') })],
    ]);
  });

  it('takes a body of the longest length and refuses one more byte, declared or not', async () => {
    const service = await serve([echo], { bodyBytesMax: 8 });
    const post = async (body: string | ReadableStream): Promise<number> => {
      // `duplex` is required for streams and not in the type.
      const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' };
      return (await fetch(urlOf(service, '/echo'), init)).status;
    };
    const chunked = (length: number): ReadableStream => new Blob(['x'.repeat(length)]).stream();
    expect(await post('12345678')).toBe(200);
    expect(await post('123456789')).toBe(413);
    expect(await post(chunked(8))).toBe(200);
    expect(await post(chunked(9))).toBe(413);
  });

  it('gives up on a request that does not arrive', async () => {
    const service = await serve([echo], { requestTimeoutMs: 50 });
    const socket = await open(service, 'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab');
    expect(await text(socket)).toMatch(/^HTTP\/1.1 408 /);
  });

  it('listens on loopback unless it is told otherwise', async () => {
    expect((await serve([])).ip).toBe('127.0.0.1');
  });

  it('says that the port is in use', async () => {
    const service = await serve([state]);
    const second = startHttpService({ port: service.port, prefix: 'master', routes: [] });
    await expect(second).rejects.toThrow(BindFailedError);
    await expect(second).rejects.toThrow(`Failed to bind on 127.0.0.1:${service.port}: Address already in use`);
  });

  it('says that the address is not of this machine', async () => {
    const foreign = startHttpService({ ip: '192.0.2.1', port: 0, prefix: 'master', routes: [] });
    await expect(foreign).rejects.toThrow('Failed to bind on 192.0.2.1:0: Cannot assign requested address');
  });
});

describe('content types of a call', () => {
  const post = async (headers: Record<string, string>, body = '{"type":"SUPPRESS"}'): Promise<[number, string]> => {
    const service = await serve([api]);
    const request = httpRequest(urlOf(service, '/api'), { method: 'POST', headers });
    request.end(body);
    const [response] = await once(request, 'response');
    return [response.statusCode, await text(response)];
  };
  const JSON_TYPE = 'application/json';

  it.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['application/x-protobuf', 'application/x-protobuf'],
    ['application/x-protobuf, application/json', 'application/json'],
    ['application/json;q=0, */*', 'application/x-protobuf'],
    ['text/html, APPLICATION/JSON;q=0.1', 'application/json'],
  ])('answers Accept %s with %s', async (accept, expected) => {
    const headers = { 'Content-Type': JSON_TYPE, ...(accept === undefined ? {} : { Accept: accept }) };
    expect(await post(headers)).toEqual([200, `SUPPRESS ${expected}`]);
  });

  it.each([
    [{}, 400, "Expecting 'Content-Type' to be present"],
    [{ 'Content-Type': 'text/xml' }, 415, "Expecting 'Content-Type' of application/json or application/x-protobuf"],
    [
      { 'Content-Type': JSON_TYPE, Accept: 'text/html' },
      406,
      "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    ],
    [
      { 'Content-Type': JSON_TYPE, Accept: '*/*;q=0' },
      406,
      "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    ],
    [{ 'Content-Type': 'application/x-protobuf' }, 400, 'Failed to parse body into Call protobuf'],
  ])('refuses %j with %i', async (headers, status, why) => {
    expect(await post(headers)).toEqual([status, why]);
  });

  it('takes a content type with parameters and says what is wrong with a body', async () => {
    expect((await post({ 'Content-Type': 'Application/JSON; charset=utf-8' }))[0]).toBe(200);
    const [status, why] = await post({ 'Content-Type': JSON_TYPE }, '{');
    expect([status, why.startsWith('Failed to parse body into JSON: ')]).toEqual([400, true]);
  });
});

describe('event stream', () => {
  const streams: RecordStream[] = [];
  const route: HttpRoute = {
    method: 'GET',
    path: '/stream',
    handle: () =>
      streamReply({
        contentType: 'application/json',
        streamId: 'id',
        open: (stream) => {
          streams.push(stream);
          stream.send(Buffer.from('first'));
        },
      }),
  };
  const latest = (): RecordStream => {
    const stream = streams.at(-1);
    if (stream === undefined) throw new Error('No stream was opened');
    return stream;
  };
  const GET_STREAM = 'GET /stream HTTP/1.1\r\nHost: h\r\n\r\n';

  it('sends records until it is ended, and none after', async () => {
    const response = await fetch(urlOf(await serve([route]), '/stream'));
    expect(response.headers.get('Mesos-Stream-Id')).toBe('id');
    expect(response.headers.get('Content-Type')).toBe('application/json');
    expect(latest().send(Buffer.from('ü'))).toBe(true);
    latest().end();
    latest().end();
    expect(latest().send(Buffer.from('late'))).toBe(false);
    expect(await response.text()).toBe('5\nfirst2\nü');
    expect(await latest().closed).toBe('ended');
    expect(latest().isOpen).toBe(false);
  });

  it('beats at once and then again and again', async () => {
    const response = await fetch(urlOf(await serve([route]), '/stream'));
    const { promise: thirdBeat, resolve } = Promise.withResolvers<undefined>();
    let count = 0;
    latest().startHeartbeat(2, () => {
      count += 1;
      if (count === 3) resolve(undefined);
      return Buffer.from(String(count));
    });
    expect(count).toBe(1);
    await thirdBeat;
    latest().end();
    expect(await response.text()).toMatch(/^5\nfirst1\n11\n21\n3/);
  });

  it('notices a peer that goes away', async () => {
    const service = await serve([route]);
    const socket = await open(service, GET_STREAM);
    await once(socket, 'data');
    socket.destroy();
    expect(await latest().closed).toBe('disconnected');
  });

  it('is over at once when the peer went away before it was opened', async () => {
    const slow: HttpRoute = {
      ...route,
      handle: async (request) => {
        await once(request.signal, 'abort');
        return await route.handle(request);
      },
    };
    const count = streams.length;
    const socket = await open(await serve([slow]), GET_STREAM);
    socket.end();
    await waitUntil(() => streams.length, { what: 'the stream to be opened', until: (now) => now > count });
    expect(latest().isOpen).toBe(false);
    expect(latest().send(Buffer.from('late'))).toBe(false);
    expect(await latest().closed).toBe('disconnected');
  });

  it('does not beat when it is over', async () => {
    await fetch(urlOf(await serve([route]), '/stream'));
    latest().end();
    const beat = vi.fn<() => Buffer>(() => Buffer.from('beat'));
    vi.useFakeTimers();
    latest().startHeartbeat(1_000, beat, { isLate: true });
    vi.advanceTimersByTime(5_000);
    vi.useRealTimers();
    expect(beat).not.toHaveBeenCalled();
  });

  it('cuts a reader off that leaves too much unread', async () => {
    const service = await serve([route], { stream: { bufferedBytesMax: 1024 * 1024 } });
    const socket = await open(service, GET_STREAM);
    await once(socket, 'data');
    socket.pause();
    const record = Buffer.alloc(1024 * 1024);
    let sent = 0;
    while (latest().send(record)) {
      sent += 1;
      expect(sent).toBeLessThan(64);
    }
    expect(await latest().closed).toBe('slow-reader');
  });

  it('cuts a reader off that reads nothing for too long', async () => {
    const service = await serve([route], { stream: { stallMs: 20 } });
    const socket = await open(service, GET_STREAM);
    await once(socket, 'data');
    socket.pause();
    for (let count = 0; count < 16; count += 1) latest().send(Buffer.alloc(1024 * 1024));
    expect(await latest().closed).toBe('slow-reader');
  });

  it('does not cut a reader off that reads', async () => {
    const service = await serve([route], { stream: { stallMs: 2_000 } });
    const response = await fetch(urlOf(service, '/stream'));
    for (let count = 0; count < 16; count += 1) latest().send(Buffer.alloc(1024 * 1024));
    latest().end();
    expect((await response.arrayBuffer()).byteLength).toBe(7 + 16 * (8 + 1024 * 1024));
    expect(await latest().closed).toBe('ended');
  });
});

describe('stop', () => {
  it('ends streams and lets requests in flight finish', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<undefined>();
    const { promise: finished, resolve: finish } = Promise.withResolvers<undefined>();
    const slow: HttpRoute = {
      method: 'GET',
      path: '/slow',
      handle: async () => {
        begin(undefined);
        await finished;
        return acceptedReply();
      },
    };
    const stream: HttpRoute = {
      method: 'GET',
      path: '/stream',
      handle: () =>
        streamReply({ contentType: 'application/json', open: (opened) => void opened.send(Buffer.from('x')) }),
    };
    const service = await serve([slow, stream]);
    const slowUrl = urlOf(service, '/slow');
    const streaming = await fetch(urlOf(service, '/stream'));
    const answer = fetch(slowUrl);
    await begun;
    // A grace that outlasts the test: nothing may have to be cut.
    const stopped = service.stop({ graceMs: 60_000 });
    expect(service.stop()).toBe(stopped);
    expect(await streaming.text()).toBe('1\nx');
    await expect(fetch(slowUrl)).rejects.toThrow('fetch failed');
    finish(undefined);
    expect((await answer).status).toBe(202);
    await stopped;
  });

  it('cuts what does not finish within the grace', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<AbortSignal>();
    const hanging: HttpRoute = {
      method: 'GET',
      path: '/hanging',
      handle: async (request) => {
        begin(request.signal);
        return await new Promise(() => undefined);
      },
    };
    const service = await serve([hanging]);
    const answer = fetch(urlOf(service, '/hanging')).catch((error: unknown) => error);
    const signal = await begun;
    await service.stop({ graceMs: 1 });
    expect(await answer).toBeInstanceOf(TypeError);
    if (!signal.aborted) await once(signal, 'abort');
  });
});
