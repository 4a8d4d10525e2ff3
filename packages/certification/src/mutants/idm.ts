import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { answer, asked, countingIds, isDone, mountpointIn, refusal, watchingMounts } from './answers.ts';
import { fakeDriver } from './fake-driver-mutant.ts';
import { impatient } from './lif.ts';
import type { Mutant, MutantPlaces } from './mutant.ts';
import type { Tamper } from './tampered-socket.ts';

/** One client is enough for a fault that does not depend on it; 0.1 sends Create before everything. */
const client = 'dvdcli-0.2';

export const idmMutants: readonly Mutant[] = [
  {
    check: 'IDM-001',
    client,
    fault: 'a volume that was created twice is listed twice',
    alsoFails: { 'IDM-004': 'it lists a volume that was created again, too' },
    start: async (places) => {
      const created = new Map<string, number>();
      const tamper: Tamper = async (request, ask) => {
        const { call, name } = asked(request);
        if (call === 'Create') created.set(name, (created.get(name) ?? 0) + 1);
        const reply = await ask();
        if (call !== 'List') return reply;
        return answer({
          Volumes: [...created].flatMap(([Name, count]) => Array.from({ length: count }, () => ({ Name }))),
        });
      };
      return await fakeDriver({ tamper })(places);
    },
  },
  {
    check: 'IDM-001',
    client,
    fault: 'Create of a volume that exists is an error, as of rexray on EBS',
    alsoFails: { 'IDM-002': 'it creates a volume again', 'IDM-003': 'it creates a volume again' },
    start: fakeDriver({ changes: { createAgain: 'refuse' } }),
  },
  {
    check: 'IDM-002',
    client,
    fault: 'Create without options makes a volume anew unless it is mounted',
    start: formatting((options) => options === null),
  },
  {
    check: 'IDM-003',
    client,
    fault: 'Create of a mounted volume is refused',
    start: async (places) => {
      const tamper = watchingMounts((mounted) => async (request, ask) => {
        const { call, name } = asked(request);
        return call === 'Create' && mounted.has(name) ? refusal(`volume ${name} is in use`) : await ask();
      });
      return await fakeDriver({ tamper })(places);
    },
  },
  {
    check: 'IDM-003',
    client,
    fault: 'Create of a mounted volume counts as a mount',
    start: async (places) => {
      const extra = new Set<string>();
      const tamper = watchingMounts((mounted) => async (request, ask) => {
        const { call, name } = asked(request);
        if (call === 'Create' && mounted.has(name)) extra.add(name);
        return call === 'Unmount' && extra.delete(name) ? answer({}) : await ask();
      });
      return await fakeDriver({ tamper, manifest: impatient })(places);
    },
  },
  {
    check: 'IDM-004',
    client,
    fault: 'Create with other options makes a volume anew',
    start: formatting((options) => options !== null && Object.keys(options).length > 0),
  },
  {
    check: 'IDM-005',
    client,
    fault: 'every Mount of a mounted volume gives another path',
    start: async (places) => {
      const tamper = watchingMounts((mounted) => async (request, ask) => {
        const { call, name } = asked(request);
        const isAgain = mounted.has(name);
        const reply = await ask();
        return call === 'Mount' && isAgain && isDone(reply)
          ? answer({ Mountpoint: `${mountpointIn(reply)}/.` })
          : reply;
      });
      return await fakeDriver({ tamper })(places);
    },
  },
  {
    check: 'IDM-006',
    client,
    fault: 'after an Unmount of what was not mounted, the next Mount fails',
    start: async (places) => {
      const spoilt = new Set<string>();
      const tamper = watchingMounts((mounted) => async (request, ask) => {
        const { call, name } = asked(request);
        if (call === 'Unmount' && !mounted.has(name)) spoilt.add(name);
        return call === 'Mount' && spoilt.delete(name) ? refusal('exit status 32') : await ask();
      });
      return await fakeDriver({ tamper })(places);
    },
  },
  {
    check: 'IDM-006',
    client,
    fault: 'Unmount of what is not mounted is an error without a word',
    start: async (places) => {
      const tamper = watchingMounts((mounted) => async (request, ask) => {
        const { call, name } = asked(request);
        if (call !== 'Unmount' || mounted.has(name)) return await ask();
        return { status: 500, contentType: 'text/plain', body: '' };
      });
      return await fakeDriver({ tamper })(places);
    },
  },
  {
    check: 'IDM-007',
    client,
    fault: 'hangs up on a Remove of an unknown volume, as a driver that panics',
    start: async (places) => {
      const made = new Set<string>();
      const tamper: Tamper = async (request, ask) => {
        const { call, name } = asked(request);
        if (call === 'Create') made.add(name);
        return call === 'Remove' && !made.has(name) ? 'drop' : await ask();
      };
      return await fakeDriver({ tamper })(places);
    },
  },
  {
    check: 'IDM-008',
    client: 'engine',
    fault: 'a Create without a body makes a volume without a name',
    start: async (places) => {
      let hasNameless = false;
      const tamper: Tamper = async (request, ask) => {
        if (request.path === '/VolumeDriver.Create' && request.body === '') {
          hasNameless = true;
          return answer({});
        }
        const reply = await ask();
        return hasNameless && request.path === '/VolumeDriver.List' ? answer({ Volumes: [{ Name: '' }] }) : reply;
      };
      return await fakeDriver({ tamper: inFront(tamper, countingIds()) })(places);
    },
  },
  {
    check: 'IDM-009',
    client: 'engine',
    fault: 'an Unmount with any id unmounts',
    start: fakeDriver(),
  },
];

/** `first` sees a request and may ask `second`, which may ask the driver. */
function inFront(first: Tamper, second: Tamper): Tamper {
  return async (request, ask) =>
    await first(request, async (body = request.body) => {
      const reply = await second({ ...request, body }, ask);
      if (typeof reply === 'string') throw new Error('expected the second one to answer');
      return reply;
    });
}

/** Deletes what is in an unmounted volume when it is created again with options of this kind. */
function formatting(isFormatted: (options: Readonly<Record<string, string>> | null) => boolean): Mutant['start'] {
  return async (places) => {
    const created = new Set<string>();
    const tamper = watchingMounts((mounted) => async (request, ask) => {
      const { call, name, options } = asked(request);
      const isAgain = call === 'Create' && created.has(name) && !mounted.has(name);
      if (call === 'Create') created.add(name);
      if (isAgain && isFormatted(options)) await emptyVolume(places, name);
      return await ask();
    });
    return await fakeDriver({ tamper })(places);
  };
}

async function emptyVolume({ directory }: MutantPlaces, name: string): Promise<void> {
  const volume = join(directory, 'driver', 'data', name);
  for (const file of await readdir(volume)) await rm(join(volume, file), { recursive: true });
}
