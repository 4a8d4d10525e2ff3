import { readdir, readlink } from 'node:fs/promises';
import { createServer, connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCodeOf } from '@drydock/base/errors';
import { driverProcess } from './driver-process-mutant.ts';
import { fakeDriver } from './fake-driver-mutant.ts';
import type { Mutant } from './mutant.ts';
import { nameIn, type Tamper } from './tampered-socket.ts';

export const fltMutants: readonly Mutant[] = [
  {
    check: 'FLT-001',
    fault: 'a Mount whose client is gone leaves the volume locked against the next',
    start: fakeDriver({ tamper: lockingWhenGone(200), manifest: { budgets: { mountMs: 3_000, raceMs: 1_000 } } }),
  },
  {
    check: 'FLT-002',
    fault: 'a Create that comes again is refused',
    start: fakeDriver({ changes: { createAgain: 'refuse' } }),
  },
  {
    check: 'FLT-003',
    fault: 'an Unmount while the volume is being mounted does nothing, and the Mount goes on',
    start: fakeDriver({
      tamper: async (request, ask) => {
        if (request.path === '/VolumeDriver.Mount') await delay(300);
        return await ask();
      },
    }),
  },
  {
    check: 'FLT-004',
    fault: 'reads one request after the other',
    start: async (places) => {
      const behind = `${places.directory}/patient.sock`;
      const started = await fakeDriver()({ ...places, socketPath: behind });
      const stop = await startSerialReader(places.socketPath, behind);
      return {
        manifest: started.manifest,
        async [Symbol.asyncDispose]() {
          await stop();
          await started[Symbol.asyncDispose]();
        },
      };
    },
    alsoFails: { 'FLT-006': 'a half-open connection is a client that is slow for ever' },
  },
  {
    check: 'FLT-005',
    fault: 'finds the name in whatever is sent',
    start: fakeDriver({
      tamper: async (request, ask) => {
        const name = /"Name":"([\w.-]+)"/.exec(request.body)?.[1];
        return await (request.path === '/VolumeDriver.Mount' && name !== undefined
          ? ask(JSON.stringify({ Name: name }))
          : ask());
      },
    }),
  },
  {
    check: 'FLT-006',
    fault: 'takes 500 connections at most',
    start: fakeDriver({ tamper: async (_request, ask) => await ask(), connectionCountMax: 500 }),
  },
  {
    check: 'FLT-009',
    fault: 'ends when it was paused for over a second',
    start: driverProcess({ pauseMsMax: 1_000, manifest: { budgets: { raceMs: 2_500 } } }),
  },
  {
    check: 'FLT-010',
    fault: 'a busy Unmount is refused, and the volume told as unmounted',
    start: async (places) => {
      const start = fakeDriver({
        tamper: async (request, ask) => {
          if (request.path !== '/VolumeDriver.Unmount') return await ask();
          const isBusy = await hasOpenFile(`${places.directory}/driver/data/${nameIn(request)}/`);
          const reply = await ask();
          return isBusy ? { ...reply, status: 500, body: '{"Err":"target is busy"}' } : reply;
        },
      });
      return await start(places);
    },
  },
];

function lockingWhenGone(mountMs: number): Tamper {
  const locked = new Set<string>();
  const mounting = new Map<string, Promise<void>>();
  return async (request, ask) => {
    const name = nameIn(request);
    if (name !== '') await mounting.get(name);
    if (request.path !== '/VolumeDriver.Mount') return await ask();
    if (locked.has(name)) return { status: 500, contentType: 'application/json', body: '{"Err":"volume is locked"}' };
    const { promise, resolve } = Promise.withResolvers<void>();
    mounting.set(name, promise);
    try {
      await delay(mountMs);
      if (request.isClientGone()) locked.add(name);
      return await ask();
    } finally {
      resolve();
    }
  };
}

/** Whether this process, in which the suite runs, has a file open there. */
async function hasOpenFile(directory: string): Promise<boolean> {
  for (const fd of await readdir('/proc/self/fd')) {
    try {
      if ((await readlink(`/proc/self/fd/${fd}`)).startsWith(directory)) return true;
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error; // closed by now
    }
  }
  return false;
}

/** Connections are passed on, but while one is within a request the others wait. Gives what stops it. */
async function startSerialReader(socketPath: string, behind: string): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  let last: Promise<void> = Promise.resolve();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    sockets.add(client);
    client.on('error', () => client.destroy()).on('close', () => resolve());
    void before.then(() => {
      if (client.destroyed) return;
      const driver = connect({ path: behind });
      driver.on('error', () => client.destroy()).on('close', () => client.destroy());
      client.on('close', () => driver.destroy());
      driver.pipe(client);
      client.pipe(driver);
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen({ path: socketPath }, resolve);
  await promise;
  return async () => {
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    for (const socket of sockets) socket.destroy();
    await closed.promise;
  };
}
