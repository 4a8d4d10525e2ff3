/**
 * Runs a fake driver as a Docker volume plugin until SIGTERM, and keeps a journal of what it was asked: one line of JSON a
 * call, `JournalEntry`. Before an Unmount it looks which processes of containers that hold the volume are alive.
 * Arguments: plugin name, directory for its state, `counting` or `plain`, path of the journal.
 */
import { appendFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage } from 'node:http';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findProfile, startFakeDriver, type DriverProfile } from '@drydock/fake-drivers';
import { holdersOf } from './holders.ts';

/** A call that the driver has answered. */
export interface JournalEntry {
  readonly method: string;
  readonly volume: string;
  readonly isDone: boolean;
  /** Of an Unmount: processes that held the volume when it was asked for. */
  readonly holders: readonly number[];
}

const plain: DriverProfile = { ...findProfile('convoy-0.5-vfs'), store: 'bind', stores: ['bind'] };
const profiles: Readonly<Record<string, DriverProfile>> = {
  plain,
  counting: { ...plain, name: 'counting', uses: 'mounts' },
};

const [, , name = '', directory = '', kind = '', journalPath = ''] = process.argv;
const profile = profiles[kind];
if (profile === undefined) throw new Error(`Expected counting or plain, got '${kind}'`);
await mkdir(directory, { recursive: true });
const socketPath = join(directory, 'engine.sock');
await using _driver = await startFakeDriver({ socketPath, profile, directory });

const server = createServer((incoming, outgoing) => {
  const pass = async (): Promise<void> => {
    const body = await textOf(incoming);
    const method = (incoming.url ?? '').slice(1);
    const volume = /"Name":"([^"]*)"/.exec(body)?.[1] ?? '';
    const holders = method === 'VolumeDriver.Unmount' ? await holdersOf(volume) : [];
    const answer = await ask(incoming, body);
    const isDone = answer.status === 200 && /"Err":"[^"]/.exec(answer.body) === null;
    const entry: JournalEntry = { method, volume, isDone, holders };
    appendFileSync(journalPath, `${JSON.stringify(entry)}\n`);
    outgoing.writeHead(answer.status, { 'Content-Type': answer.contentType });
    outgoing.end(answer.body);
  };
  pass().catch((error: unknown) => {
    console.error(error);
    outgoing.destroy();
  });
});
server.listen(`/run/docker/plugins/${name}.sock`);
const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
process.once('SIGTERM', () => stop());
await stopped;
server.close();
server.closeAllConnections();

async function ask(
  { method, url, headers }: IncomingMessage,
  body: string,
): Promise<{ readonly status: number; readonly contentType: string; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request({ socketPath, method, path: url, headers }, resolve).on('error', reject).end(body);
  const reply = await promise;
  const contentType = reply.headers['content-type'] ?? 'text/plain';
  return { status: reply.statusCode ?? 500, contentType, body: await textOf(reply) };
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
