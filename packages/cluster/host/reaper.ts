/**
 * Stands in for testcontainers' reaper where that image cannot be had. It speaks ryuk's protocol: a line of label filters
 * is acknowledged with `ACK`; when the last connection is gone for RYUK_RECONNECTION_TIMEOUT, everything that has one of
 * the labels is removed from the engine, but for itself, and it ends.
 *
 * @see https://github.com/testcontainers/moby-ryuk
 */
import { createServer } from 'node:net';
import { request } from 'node:http';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';

const PORT = 8080;
const ENGINE_SOCKET = '/var/run/docker.sock';
const CALL_MS_MAX = 60_000;
/** `10s`, as ryuk takes it. */
const reconnectionMs = 1_000 * Number.parseFloat(process.env['RYUK_RECONNECTION_TIMEOUT'] ?? '10');
/** Nobody came within it. */
const FIRST_CONNECTION_MS_MAX = 60_000;

const labels = new Set<string>();
let connectionCount = 0;
let timer = setTimeout(end, FIRST_CONNECTION_MS_MAX);

const server = createServer((socket) => {
  connectionCount += 1;
  clearTimeout(timer);
  socket.on('error', (error) => console.log(`connection: ${error.message}`));
  socket.on('close', () => {
    connectionCount -= 1;
    if (connectionCount > 0) return;
    clearTimeout(timer);
    timer = setTimeout(end, reconnectionMs);
  });
  createInterface({ input: socket }).on('line', (line) => {
    const filters = new URLSearchParams(line.trim());
    for (const label of filters.getAll('label')) labels.add(label);
    socket.write('ACK\n');
  });
});
server.listen(PORT, () => console.log('Started'));
process.on('SIGTERM', () => end());

function end(): void {
  void prune().then(
    () => process.exit(0),
    (error: unknown) => {
      console.log(`pruning failed: ${String(error)}`);
      process.exit(1);
    },
  );
}

/** Containers first: they hold networks and volumes. */
async function prune(): Promise<void> {
  for (const label of labels) {
    const query = new URLSearchParams({ filters: JSON.stringify({ label: [label] }) }).toString();
    const containers = (await call('GET', `/containers/json?all=true&${query}`)) as { Id: string }[];
    for (const { Id: id } of containers) {
      if (!id.startsWith(hostname())) await remove(`/containers/${id}?force=true&v=true`);
    }
    const networks = (await call('GET', `/networks?${query}`)) as { Id: string }[];
    for (const { Id: id } of networks) await remove(`/networks/${id}`);
    const { Volumes: volumes } = (await call('GET', `/volumes?${query}`)) as { Volumes: { Name: string }[] | null };
    for (const { Name: name } of volumes ?? []) await remove(`/volumes/${encodeURIComponent(name)}?force=true`);
  }
}

/** What cannot be removed must not keep the rest. */
async function remove(path: string): Promise<void> {
  try {
    await call('DELETE', path);
    console.log(`removed ${path}`);
  } catch (error) {
    console.log(`not removed ${path}: ${String(error)}`);
  }
}

async function call(method: string, path: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const timeout = AbortSignal.timeout(CALL_MS_MAX);
  const options = { socketPath: ENGINE_SOCKET, method, path, headers: { Host: 'docker' }, signal: timeout };
  const outgoing = request(options, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (text += chunk));
    response.on('error', reject);
    response.on('end', () => {
      if ((response.statusCode ?? 500) >= 400) reject(new Error(`${response.statusCode} ${text.trim()}`));
      else resolve(text === '' ? undefined : JSON.parse(text));
    });
  });
  outgoing.on('error', reject);
  outgoing.end();
  return await promise;
}
