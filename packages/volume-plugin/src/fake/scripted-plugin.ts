/** A plugin that answers as told and keeps the very bytes it was sent; for tests of clients. */
import { createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** What happens to one call: an answer, the very bytes of one, the connection closed without one, or silence. */
export type ScriptedAnswer =
  | { readonly status?: number; readonly body: string }
  | {
      readonly raw: string | Uint8Array;
      /** The connection ends after it. */
      readonly isLast?: boolean;
      /** Sent in pieces of this size, one a turn of the event loop. */
      readonly pieceBytes?: number;
    }
  | 'drop'
  | 'hang';

export interface ScriptedPluginOptions {
  readonly socketPath: string;
  /** By method, for example `VolumeDriver.Get`; a list is used up, its last answer stays. Default: `{}`. */
  readonly answers?: Readonly<Record<string, ScriptedAnswer | readonly ScriptedAnswer[]>>;
}

export interface ScriptedPlugin extends AsyncDisposable {
  /** Whole requests as they came, head and body. */
  readonly requests: readonly string[];
  /** `Get {"Name":"v"}` and so on, without Plugin.Activate. */
  calls(): readonly string[];
  /** How many connections were made. */
  connectionCount(): number;
  /** How many of them are open. */
  openCount(): number;
}

/** Listens on the socket; Plugin.Activate succeeds unless told otherwise. */
export async function startScriptedPlugin(options: ScriptedPluginOptions): Promise<ScriptedPlugin> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const useCounts = new Map<string, number>();
  let connectionCount = 0;
  const answerTo = (method: string): ScriptedAnswer => {
    const standard = { body: method === 'Plugin.Activate' ? '{"Implements":["VolumeDriver"]}' : '{}' };
    const answers = options.answers?.[method] ?? standard;
    const list = Array.isArray(answers) ? (answers as readonly ScriptedAnswer[]) : [answers as ScriptedAnswer]; // by isArray
    const used = useCounts.get(method) ?? 0;
    useCounts.set(method, used + 1);
    return list[Math.min(used, list.length - 1)] ?? standard;
  };
  const server = createServer((socket) => {
    connectionCount++;
    sockets.add(socket);
    let pending = '';
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    socket.setEncoding('utf8').on('data', (text: string) => {
      pending += text;
      for (let end = endOfRequest(pending); end !== undefined; end = endOfRequest(pending)) {
        const request = pending.slice(0, end);
        pending = pending.slice(end);
        requests.push(request);
        const answer = answerTo(/^POST \/(\S+)/.exec(request)?.[1] ?? '');
        if (answer === 'drop') socket.destroy();
        else if (answer !== 'hang') void send(socket, answer);
      }
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ path: options.socketPath }, resolve);
  await promise;
  return {
    requests,
    connectionCount: () => connectionCount,
    openCount: () => sockets.size,
    calls: () =>
      requests.flatMap((request) => {
        const [, method, body] = /^POST \/VolumeDriver\.(\S+)[^]*?\r\n\r\n([^]*)$/.exec(request) ?? [];
        return method === undefined ? [] : [`${method} ${(body ?? '').trim()}`];
      }),
    async [Symbol.asyncDispose]() {
      const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
      server.close(() => onClosed());
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Index after the first whole request (its length in characters is its length in bytes for the ASCII of tests). */
function endOfRequest(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n');
  if (head === -1) return undefined;
  const length = Number(/^Content-Length: (\d+)$/im.exec(text.slice(0, head))?.[1] ?? 0);
  const end = head + 4 + length;
  return text.length >= end ? end : undefined;
}

async function send(socket: Socket, answer: Exclude<ScriptedAnswer, string>): Promise<void> {
  if (!('raw' in answer)) {
    const { status = 200, body } = answer;
    socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    return;
  }
  const bytes = Buffer.from(answer.raw);
  const size = answer.pieceBytes ?? Math.max(bytes.length, 1);
  for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
    socket.write(bytes.subarray(at, at + size));
    await setImmediate();
  }
  if (answer.isLast === true) socket.end();
}
