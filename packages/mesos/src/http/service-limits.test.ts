import { once } from 'node:events';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { brotliCompressSync, gunzipSync, gzipSync } from 'node:zlib';
import type { Logger } from '@drydock/base/log';
import { waitUntil } from '@drydock/base/wait-until';
import { describe, expect, it } from 'vitest';
import { endServicesAfterEach, open, serve, urlOf } from '../testing/served-routes.ts';
import type { RecordStream } from './record-stream.ts';
import { bytesReply, jsonReply, streamReply, textReply } from './reply.ts';
import type { HttpRoute } from './service.ts';

endServicesAfterEach();

const MEBIBYTE = 1024 * 1024;
const echo: HttpRoute = { method: 'POST', path: '/echo', handle: ({ body }) => bytesReply(body, {}) };
const health: HttpRoute = { method: 'GET', path: '/health', handle: () => textReply(200, '') };
const state: HttpRoute = { method: 'GET', path: '/state', handle: () => jsonReply({ text: 'x'.repeat(2000) }) };

/** What was logged, one line each. */
function recordingLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const logger: Logger = { info: note, warning: note, error: note, child: () => logger };
  return { logger, lines };
}

describe('encodings', () => {
  it('reads a body that is compressed with gzip', async () => {
    const service = await serve([echo]);
    const post = async (encoding: string, body: Uint8Array<ArrayBuffer>): Promise<[number, string]> => {
      const response = await fetch(urlOf(service, '/echo'), {
        method: 'POST',
        headers: { 'Content-Encoding': encoding },
        body,
      });
      return [response.status, await response.text()];
    };
    expect(await post('gzip', gzipSync('{"a":1}'))).toEqual([200, '{"a":1}']);
    expect(await post('Identity', Buffer.from('as it is'))).toEqual([200, 'as it is']);
    const [status, why] = await post('gzip', Buffer.from('not gzip'));
    expect([status, why.startsWith('Failed to decompress the body: ')]).toEqual([400, true]);
  });

  it('refuses other encodings of a body by name', async () => {
    const response = await fetch(urlOf(await serve([echo]), '/echo'), {
      method: 'POST',
      headers: { 'Content-Encoding': 'br' },
      body: brotliCompressSync('{}'),
    });
    expect([response.status, await response.text()]).toEqual([
      415,
      "Expecting 'Content-Encoding' of gzip or identity, but received 'br'",
    ]);
    expect(response.headers.get('Accept-Encoding')).toBe('gzip');
  });

  it('refuses a body that is too long only when it is decompressed', async () => {
    const service = await serve([echo], { bodyBytesMax: MEBIBYTE });
    const bomb = gzipSync(Buffer.alloc(MEBIBYTE + 1));
    const response = await fetch(urlOf(service, '/echo'), {
      method: 'POST',
      headers: { 'Content-Encoding': 'gzip' },
      body: bomb,
    });
    expect(bomb.byteLength).toBeLessThan(MEBIBYTE);
    expect([response.status, await response.text()]).toEqual([413, 'Expecting a body of at most 1048576 bytes']);
  });

  it.each([
    ['gzip', true],
    ['deflate, gzip;q=0.5', true],
    ['*', true],
    ['gzip;q=0, *', false],
    ['deflate', false],
    [undefined, false],
  ])('answers Accept-Encoding %s compressed: %s', async (accepted, isCompressed) => {
    const service = await serve([state, health]);
    const header = accepted === undefined ? '' : `Accept-Encoding: ${accepted}\r\n`;
    const socket = await open(service, `GET /state HTTP/1.1\r\nHost: h\r\n${header}Connection: close\r\n\r\n`);
    const answer = Buffer.concat(await socket.toArray());
    const end = answer.indexOf('\r\n\r\n');
    const head = answer.toString('latin1', 0, end);
    const body = answer.subarray(end + 4);
    expect(/content-encoding: gzip/i.test(head)).toBe(isCompressed);
    expect(JSON.parse((isCompressed ? gunzipSync(body) : body).toString())).toEqual({ text: 'x'.repeat(2000) });
  });
});

describe('a peer that is refused while it sends', () => {
  it.each([
    ['a path that is not there', 'POST /none', 404],
    ['a method that is not allowed', 'PUT /echo', 405],
    ['a body that is too long', 'POST /echo', 413],
  ])('gets the answer for %s', async (_, requestLine, status) => {
    const service = await serve([echo], { bodyBytesMax: 64 * 1024 });
    const socket = await open(service, `${requestLine} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const sent = (async (): Promise<void> => {
      for (let count = 0; count < 64; count += 1) if (!socket.write(chunk)) await once(socket, 'drain');
      socket.write('0\r\n\r\n');
    })();
    expect(await text(socket)).toMatch(new RegExp(`^HTTP/1.1 ${status} .*\r\n`));
    await sent;
  });

  it('is cut off when it goes on for too long', async () => {
    const service = await serve([echo], { bodyBytesMax: 1024 });
    const socket = await open(service, 'POST /none HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.resume();
    const chunk = Buffer.from(`100000\r\n${'x'.repeat(MEBIBYTE)}\r\n`);
    let sentMebibytes = 0;
    const feed = (): void => {
      while (!socket.destroyed && socket.writable && sentMebibytes < 512) {
        sentMebibytes += 1;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('drain', feed);
    feed();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(sentMebibytes).toBeLessThan(512);
  });
});

describe('memory', () => {
  it('refuses what arrives while too much is held, and takes it when there is room again', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<undefined>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<undefined>();
    const hold: HttpRoute = {
      method: 'POST',
      path: '/hold',
      handle: async () => {
        arrive(undefined);
        await held;
        return textReply(200, 'done');
      },
    };
    const service = await serve([hold, echo], { heldBytesMax: 100 });
    const post = async (path: string, length: number): Promise<Response> =>
      await fetch(urlOf(service, path), { method: 'POST', body: 'x'.repeat(length) });
    const first = post('/hold', 60);
    await arrived;
    const refused = await post('/echo', 41);
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '1']);
    expect((await post('/echo', 40)).status).toBe(200);
    release(undefined);
    expect(await (await first).text()).toBe('done');
    await waitUntil(async () => (await post('/echo', 100)).status === 200, { what: 'room for 100 bytes' });
  });

  it('forgets an answer that nobody reads', async () => {
    const large: HttpRoute = {
      method: 'GET',
      path: '/large',
      handle: () => bytesReply(Buffer.alloc(64 * MEBIBYTE), {}),
    };
    const service = await serve([large], { stallMs: 50 });
    const socket = await open(service, 'GET /large HTTP/1.1\r\nHost: h\r\n\r\n');
    await once(socket, 'readable');
    // Nothing is read from here on: the service ends the connection, which reading then shows.
    const left = await waitUntil(async () => await service.connectionCount(), {
      what: 'the connection to be cut',
      until: (count) => count === 0,
    });
    expect(left).toBe(0);
  });

  it('closes further connections when it has as many as it takes, and says so once', async () => {
    const { logger, lines } = recordingLogger();
    const service = await serve([health], { connectionCountMax: 2, logger });
    const kept = [await open(service, ''), await open(service, '')];
    for (let count = 0; count < 3; count += 1) await once(await open(service, ''), 'close');
    expect(lines).toEqual(['Too many connections, closing further ones']);
    for (const socket of kept) socket.write('GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    for (const socket of kept) expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });
});

describe('connections', () => {
  it.each([
    ['nothing', '', 408],
    ['half a head', 'GET /health HT', 408],
    ['half a body', 'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc', 408],
    ['no HTTP', '\u0016\u0003\u0001 hello', 400],
    ['a head without end', `GET /health HTTP/1.1\r\nX: ${'x'.repeat(64 * 1024)}`, 431],
    ['two lengths', 'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    ['a bad chunk', 'POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  ])('are ended when %s came', async (_, sent, status) => {
    const { logger, lines } = recordingLogger();
    const service = await serve([health, echo], { requestTimeoutMs: 50, logger });
    const answer = await text(await open(service, sent));
    expect(answer.split(' ')[1]).toBe(String(status));
    expect((await fetch(urlOf(service, '/health'))).status).toBe(200);
    expect(lines).toEqual([]);
  });

  it('that break within a body are nobody’s error', async () => {
    const { logger, lines } = recordingLogger();
    const service = await serve([health, echo], { logger });
    const socket = await open(service, 'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc');
    socket.resetAndDestroy();
    await waitUntil(async () => await service.connectionCount(), {
      what: 'no connection',
      until: (count) => count === 0,
    });
    expect((await fetch(urlOf(service, '/health'))).status).toBe(200);
    expect(lines).toEqual([]);
  });

  it('take a request as a proxy writes it, and answer pipelined ones in order', async () => {
    const service = await serve([health, echo]);
    const socket = await open(
      service,
      'GET http://example.test/health?x=/none HTTP/1.1\r\nHost: example.test\r\n\r\n' +
        'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc' +
        'GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    const answers = await text(socket);
    expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 404']);
  });
});

describe('streams', () => {
  const streams: RecordStream[] = [];
  const route: HttpRoute = {
    method: 'POST',
    path: '/stream',
    handle: () =>
      streamReply({
        contentType: 'application/json',
        open: (stream) => {
          streams.push(stream);
          stream.send(Buffer.from('first'));
        },
      }),
  };
  const POST_STREAM = 'POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n';
  const openStream = async (service: Awaited<ReturnType<typeof serve>>): Promise<[Socket, RecordStream]> => {
    const count = streams.length;
    const socket = await open(service, POST_STREAM);
    await once(socket, 'readable');
    const stream = streams[count];
    if (stream === undefined) throw new Error('No stream was opened');
    return [socket, stream];
  };

  it('idle by the thousand leave room for others', async () => {
    const service = await serve([route, health], { connectionCountMax: 1010 });
    const from = streams.length;
    const sockets: Socket[] = [];
    for (let count = 0; count < 1000; count += 1) sockets.push(await open(service, POST_STREAM));
    await Promise.all(sockets.map(async (socket) => await once(socket, 'readable')));
    const opened = streams.slice(from);
    expect(opened.filter(({ isOpen }) => isOpen)).toHaveLength(1000);
    expect((await fetch(urlOf(service, '/health'))).status).toBe(200);
    for (const stream of opened) expect(stream.send(Buffer.from('beat'))).toBe(true);
    for (const socket of sockets) socket.destroy();
    expect(new Set(await Promise.all(opened.map(async ({ closed }) => await closed)))).toEqual(
      new Set(['disconnected']),
    );
  });

  it('cuts slow readers off when all together leave too much unread', async () => {
    const service = await serve([route], { streamBytesMax: 16 * MEBIBYTE });
    const opened = [await openStream(service), await openStream(service), await openStream(service)];
    const record = Buffer.alloc(MEBIBYTE);
    // Below the bound of one stream, above that of all.
    for (let count = 0; count < 24; count += 1) for (const [, stream] of opened) stream.send(record);
    const kept = opened.map(([, stream]) => (stream.isOpen ? stream.bufferedByteCount : 0));
    expect(kept.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(17 * MEBIBYTE);
    expect(kept.filter((count) => count === 0).length).toBeGreaterThan(0);
  });

  it('that were ended do not wait for a reader for ever', async () => {
    const service = await serve([route], { stream: { stallMs: 50 } });
    const [, stream] = await openStream(service);
    for (let count = 0; count < 16; count += 1) stream.send(Buffer.alloc(MEBIBYTE));
    stream.end();
    expect(await stream.closed).toBe('ended');
    await waitUntil(async () => await service.connectionCount(), {
      what: 'the connection to be cut',
      until: (count) => count === 0,
    });
  });
});
