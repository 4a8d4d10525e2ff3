import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHttpService, type StartedHttpService } from './service.ts';

let stack: AsyncDisposableStack;
let service: StartedHttpService;
let file: FileHandle;

/** A service whose `/file` claims to have ten times what is in the file. */
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'send-file-'));
  stack.defer(async () => await rm(directory, { recursive: true }));
  const path = join(directory, 'file');
  await writeFile(path, Buffer.alloc(8 * 1024 * 1024));
  const handle = async (): Promise<{
    kind: 'file';
    file: FileHandle;
    sizeBytes: number;
    headers: Record<string, string>;
  }> => {
    file = await open(path);
    return { kind: 'file', file, sizeBytes: 80 * 1024 * 1024, headers: {} };
  };
  service = stack.use(
    await startHttpService({ port: 0, prefix: 'p', routes: [{ method: 'GET', path: '/file', handle }] }),
  );
});
afterEach(async () => {
  await stack.disposeAsync();
});

const isClosed = (): boolean => file?.fd === -1;

describe('a file as an answer', () => {
  it('ends with the connection when the file is shorter than it was', async () => {
    const response = await fetch(`http://${service.ip}:${service.port}/file`);
    await expect(response.arrayBuffer()).rejects.toThrow('terminated');
    await waitUntil(isClosed, { what: 'the file to be closed' });
  });

  it('is closed when the peer goes away, however little it has read', async () => {
    const socket = connect(service.port, service.ip);
    socket.write('GET /file HTTP/1.1\r\nHost: h\r\n\r\n');
    await once(socket, 'readable');
    expect(isClosed()).toBe(false);
    socket.destroy();
    await waitUntil(isClosed, { what: 'the file to be closed' });
  });
});
