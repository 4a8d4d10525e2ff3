import { setTimeout as delay } from 'node:timers/promises';
import { fakeDriver } from './fake-driver-mutant.ts';
import type { Mutant } from './mutant.ts';
import { nameIn, type Tamper } from './tampered-socket.ts';

export const conMutants: readonly Mutant[] = [
  {
    check: 'CON-001',
    fault: 'Creates that come at once make a volume each',
    start: fakeDriver({ tamper: duplicating() }),
  },
  {
    check: 'CON-002',
    fault: 'of Mounts that come at once all give the path of the first',
    start: fakeDriver({ tamper: crossTalking() }),
    alsoFails: { 'CON-006': 'its processes mount different volumes at once, too' },
  },
  {
    check: 'CON-003',
    fault: 'a Mount while the volume is being mounted gives a path of its own',
    start: fakeDriver({
      tamper: whileAnother('/VolumeDriver.Mount', async (ask) => {
        const reply = await ask();
        return { ...reply, body: reply.body.replace(/"(\/[^"]+)"/, '"$1-again"') };
      }),
    }),
    alsoFails: {
      'CON-004': 'its Mounts race, too',
      'CON-006': 'its processes mount one volume at once, too',
    },
  },
  {
    check: 'CON-004',
    fault: 'an Unmount while the volumes are listed is answered, and lost',
    start: fakeDriver({ tamper: losingUnmounts() }),
  },
  {
    check: 'CON-005',
    fault: 'one lock for all volumes, and 150 ms for each Mount',
    start: fakeDriver({ tamper: locking(150) }),
  },
  {
    check: 'CON-006',
    fault: 'refuses to be activated while it is being activated',
    start: fakeDriver({
      tamper: whileAnother('/Plugin.Activate', async () => ({
        status: 500,
        contentType: 'text/plain',
        body: 'activation is under way\n',
      })),
    }),
  },
  {
    check: 'CON-007',
    fault: 'a volume that is mounted can be removed',
    start: fakeDriver({ changes: { remove: { effect: 'keep-data', unknown: 'succeed', inUse: 'leave-mounted' } } }),
  },
];

/** How long a call takes here, so that those that are sent at once meet. */
const CALL_MS = 50;

/** Answers otherwise when the same call, of the same volume, is under way. */
function whileAnother(path: string, otherwise: (ask: Parameters<Tamper>[1]) => ReturnType<Tamper>): Tamper {
  const underWay = new Set<string>();
  return async (request, ask) => {
    if (request.path !== path) return await ask();
    const key = request.body;
    const isAnother = underWay.has(key);
    underWay.add(key);
    await delay(CALL_MS);
    try {
      return await (isAnother ? otherwise(ask) : ask());
    } finally {
      if (!isAnother) underWay.delete(key);
    }
  };
}

function duplicating(): Tamper {
  const underWay = new Set<string>();
  const doubled = new Set<string>();
  return async (request, ask) => {
    if (request.path === '/VolumeDriver.Create') {
      const name = nameIn(request);
      if (underWay.has(name)) doubled.add(name);
      underWay.add(name);
      await delay(CALL_MS);
      underWay.delete(name);
    }
    const reply = await ask();
    if (request.path !== '/VolumeDriver.List') return reply;
    const { Volumes = [] } = JSON.parse(reply.body) as { readonly Volumes?: readonly { readonly Name: string }[] };
    const told = Volumes.flatMap((volume) => (doubled.has(volume.Name) ? [volume, volume] : [volume]));
    return { ...reply, body: JSON.stringify({ Volumes: told }) };
  };
}

function crossTalking(): Tamper {
  let first: { readonly name: string; readonly body: Promise<string> } | undefined;
  return async (request, ask) => {
    if (request.path !== '/VolumeDriver.Mount') return await ask();
    const reply = await ask();
    const name = nameIn(request);
    if (first !== undefined && first.name !== name) return { ...reply, body: await first.body };
    const own = { name, body: delay(CALL_MS, reply.body) };
    first = own;
    await own.body;
    if (first === own) first = undefined;
    return reply;
  };
}

function losingUnmounts(): Tamper {
  let listing = 0;
  return async (request, ask) => {
    if (request.path === '/VolumeDriver.List') {
      listing++;
      await delay(5);
      const reply = await ask();
      listing--;
      return reply;
    }
    if (request.path !== '/VolumeDriver.Unmount') return await ask();
    await delay(2);
    return listing > 0 ? { status: 200, contentType: 'application/json', body: '{}' } : await ask();
  };
}

function locking(mountMs: number): Tamper {
  let last: Promise<unknown> = Promise.resolve();
  return async (request, ask) => {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    await before;
    try {
      if (request.path === '/VolumeDriver.Mount') await delay(mountMs);
      return await ask();
    } finally {
      resolve();
    }
  };
}
