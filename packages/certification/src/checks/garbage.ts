/** Requests that are none: bytes that no driver may take for a Mount. */
import type { CheckContext } from '../run/check-context.ts';
import { CheckFailedError } from '../run/outcome.ts';
import { BareAnswer } from '../wire/bare-plugin.ts';
import { HttpMessageReader, type HttpMessage } from '../wire/http-message.ts';

export interface Garbage {
  /** As in "a Mount with ...". */
  readonly what: string;
  readonly bytes: Buffer;
  /** The client sends no more after them. */
  readonly isHalfClosed: boolean;
}

const LARGE_BYTES = 10 * 1024 ** 2;

/** Broken Mounts of a volume that exists: one that is taken all the same mounts it. */
export function garbageFor(name: string): readonly Garbage[] {
  const good = Buffer.from(JSON.stringify({ Name: name }));
  const broken = good.subarray(0, -1);
  const garbage = (what: string, body: Buffer, length = body.length): Garbage => ({
    what,
    bytes: Buffer.concat([headOf(length), body]),
    isHalfClosed: body.length < length,
  });
  return [
    garbage('broken JSON', broken),
    garbage('an array instead of an object', Buffer.from(JSON.stringify([name]))),
    garbage('half a body', good.subarray(0, good.length / 2), good.length),
    garbage('a Content-Length that is too small', good, broken.length),
    garbage('a Content-Length that is too large', good, good.length + 100),
    garbage(
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from(`{"Name":"${name}`), Buffer.from([0xff, 0x22, 0x7d])]),
    ),
    garbage('a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), good])),
    garbage('10 MB of broken JSON', Buffer.concat([broken, Buffer.alloc(LARGE_BYTES, ' ')])),
  ];
}

function headOf(length: number): Buffer {
  return Buffer.from(`POST /VolumeDriver.Mount HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`);
}

/**
 * The driver's first answer; undefined when it hangs up instead, which is a refusal as well.
 * @throws CheckFailedError when it does neither in time
 */
export async function sendGarbage(
  { plugin, manifest, signal }: CheckContext,
  bytes: Buffer,
  { isHalfClosed }: Pick<Garbage, 'isHalfClosed'>,
): Promise<BareAnswer | undefined> {
  const { callMs } = manifest.budgets;
  using connection = plugin.connection();
  const reader = new HttpMessageReader({ isReply: true });
  const { promise, resolve, reject } = Promise.withResolvers<HttpMessage | undefined>();
  const socket = connection.send(bytes);
  socket.on('data', (part: Buffer) => {
    const [message] = reader.push(part);
    if (message !== undefined) resolve(message);
  });
  socket.on('close', () => resolve(undefined));
  if (isHalfClosed) socket.end();
  const onEnd = (): void =>
    reject(
      signal.reason ?? new CheckFailedError({ expected: 'an answer or an end', got: `none in ${callMs / 1_000} s` }),
    );
  const timer = setTimeout(onEnd, callMs);
  signal.addEventListener('abort', onEnd, { once: true });
  const startedAt = performance.now();
  try {
    const message = await promise;
    const durationMs = Math.round(performance.now() - startedAt);
    return message === undefined ? undefined : new BareAnswer('VolumeDriver.Mount', message, durationMs);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onEnd);
  }
}
