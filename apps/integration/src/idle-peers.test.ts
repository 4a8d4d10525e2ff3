import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { waitUntil } from '@drydock/base/wait-until';
import type { LocalCluster } from '@drydock/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertNothingLeft, startTestCluster } from './testing/test-cluster.ts';

const STREAM_COUNT = 1000;
const MEBIBYTE = 1024 * 1024;

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(async () => {
  await cluster.stop();
});

const idleNames = async (): Promise<readonly string[]> => {
  const response = await fetch(`http://${cluster.master}/frameworks`);
  const { frameworks } = (await response.json()) as { frameworks: { name: string; connected: boolean }[] };
  return frameworks.filter(({ name, connected }) => connected && name.startsWith('idle-')).map(({ name }) => name);
};

const residentBytes = async (): Promise<number> => {
  const status = await readFile(`/proc/${cluster.masterDaemon.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
};

/** Subscribes without ever reading further than the connection takes by itself. */
const subscribe = async (index: number): Promise<Response> => {
  // Suppressed in its only role: an idle peer that wants nothing.
  const subscribed = { framework_info: { user: 'root', name: `idle-${index}`, role: '*' }, suppressed_roles: ['*'] };
  const response = await fetch(`http://${cluster.master}/api/v1/scheduler`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ type: 'SUBSCRIBE', subscribe: subscribed }),
  });
  expect(response.status).toBe(200);
  return response;
};

describe('a master', () => {
  it(
    'with a thousand idle streams and connections that say nothing serves others as before',
    { tags: ['root'] },
    async () => {
      const before = await residentBytes();
      // They are kept: fetch cancels the body of an answer that is garbage.
      const streams = await Promise.all(
        Array.from({ length: STREAM_COUNT }, async (_, index) => await subscribe(index)),
      );
      expect(await idleNames()).toHaveLength(STREAM_COUNT);
      const [host = '', port = ''] = cluster.master.split(':');
      const silent: Socket[] = Array.from({ length: 100 }, (_, index) => {
        const socket = connect(Number(port), host);
        socket.on('error', () => undefined);
        // Half of them break off within a head.
        if (index % 2 === 0) socket.write('POST /api/v1/scheduler HTTP/1.1\r\nHost: h\r\n');
        return socket;
      });

      const task = await cluster.execute({ command: 'true' });
      expect(task.states.at(-1)).toBe('TASK_FINISHED');
      // What a stream may cost; the bound of everything that readers can leave unread is 256 MiB.
      expect(await residentBytes()).toBeLessThan(before + 256 * MEBIBYTE);
      expect(await idleNames()).toHaveLength(STREAM_COUNT);

      await Promise.all(streams.map(async (stream) => await stream.body?.cancel()));
      for (const socket of silent) socket.destroy();
      await waitUntil(idleNames, { what: 'the frameworks to be gone', until: (names) => names.length === 0 });
      await assertNothingLeft(cluster);
    },
  );
});
