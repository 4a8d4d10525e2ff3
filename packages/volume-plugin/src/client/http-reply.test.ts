import { describe, expect, it } from 'vitest';
import { HttpReplyError, HttpReplyReader, HttpReplyTooLongError, type HttpReply } from './http-reply.ts';

function read(text: string, step: number, options: { isEnded?: boolean } = {}): HttpReply | undefined {
  const reader = new HttpReplyReader({ bodyBytesMax: 100 });
  const bytes = Buffer.from(text);
  let reply: HttpReply | undefined;
  for (let at = 0; at < bytes.length && reply === undefined; at += step)
    reply = reader.push(bytes.subarray(at, at + step));
  return reply ?? (options.isEnded === true ? reader.end() : undefined);
}

const ok = 'HTTP/1.1 200 OK\r\n';

describe.each([1, 7, 10_000])('HttpReplyReader fed %i bytes at a time', (step) => {
  it.each([
    ['a body of known length', `${ok}Content-Length: 2\r\n\r\n{}`, { status: 200, body: '{}', isReusable: true }],
    ['an empty body', `${ok}content-length: 0\r\n\r\n`, { status: 200, body: '', isReusable: true }],
    [
      'chunks with extensions and trailers',
      `${ok}Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\nX: y\r\n\r\n`,
      { status: 200, body: '{"a":1}', isReusable: true },
    ],
    ['bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 1\n\nx', { status: 200, body: 'x', isReusable: true }],
    [
      'an interim reply first',
      `HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Length: 1\r\n\r\nx`,
      { status: 200, body: 'x', isReusable: true },
    ],
    ['a status without a body', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '', isReusable: true }],
    [
      'a status without a reason',
      'HTTP/1.1 500\r\nContent-Length: 1\r\n\r\nx',
      { status: 500, body: 'x', isReusable: true },
    ],
    [
      'a connection that will close',
      `${ok}Connection: close\r\nContent-Length: 1\r\n\r\nx`,
      { status: 200, body: 'x', isReusable: false },
    ],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx', { status: 200, body: 'x', isReusable: false }],
  ])('reads %s', (_title, text, expected) => {
    expect(read(text, step)).toEqual({ ...expected, isTruncated: false });
  });

  it('reads a body without a length up to the end', () => {
    expect(read(`${ok}\r\n{"a":1}`, step)).toBeUndefined();
    expect(read(`${ok}\r\n{"a":1}`, step, { isEnded: true })).toMatchObject({ body: '{"a":1}', isTruncated: false });
  });

  it.each([
    ['a counted body', `${ok}Content-Length: 9\r\n\r\n{}`],
    ['a chunked body', `${ok}Transfer-Encoding: chunked\r\n\r\n9\r\n{}`],
  ])('gives what came of %s that is cut off', (_title, text) => {
    expect(read(text, step, { isEnded: true })).toMatchObject({ body: '{}', isTruncated: true, isReusable: false });
  });

  it('gives nothing when not even the head came', () => {
    expect(read(ok, step, { isEnded: true })).toBeUndefined();
  });

  it.each([
    ['another protocol', 'SSH-2.0-x\r\n\r\n'],
    ['a status that is no number', 'HTTP/1.1 abc\r\n\r\n'],
    ['a header without a colon', `${ok}nonsense\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`],
    ['a length that is no number', `${ok}Content-Length: -1\r\n\r\n`],
    ['an unknown transfer encoding', `${ok}Transfer-Encoding: gzip\r\n\r\n`],
    ['a bad chunk size', `${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['a chunk longer than it said', `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n`],
  ])('refuses %s', (_title, text) => {
    expect(() => read(text, step)).toThrow(HttpReplyError);
  });

  it('takes a body of the allowed length and refuses one byte more', () => {
    expect(read(`${ok}Content-Length: 100\r\n\r\n${'x'.repeat(100)}`, step)?.body).toHaveLength(100);
    expect(() => read(`${ok}\r\n${'x'.repeat(101)}`, step)).toThrow(HttpReplyTooLongError);
  });
});
