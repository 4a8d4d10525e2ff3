import { appendFile, readdir, readlink } from 'node:fs/promises';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { answer, asked, isDone, mountpointIn, refusal } from './answers.ts';
import { fakeDriver, type FakeDriverMutant } from './fake-driver-mutant.ts';
import { fakeVendorCli } from './fake-vendor-cli.ts';
import type { Mutant, MutantPlaces, StartedMutant } from './mutant.ts';
import type { Tamper } from './tampered-socket.ts';

/** A broken driver need not be waited for long. */
export const impatient = { budgets: { settleMs: 300 } };
const secretOptions = {
  options: { create: { password: { value: 'correct-horse', secret: true } } },
};

/** One client is enough for a fault that does not depend on it. */
const client = 'dvdcli-0.2';

export const lifMutants: readonly Mutant[] = [
  {
    check: 'LIF-001',
    client,
    fault: 'Get still tells of a volume that was removed',
    alsoFails: {
      'LIF-009': 'Remove has to make Get forget the volume there, too',
      'LIF-015': 'it tells of a removed volume, whose Mount failed',
    },
    start: lasting(() => {
      const told = new Map<string, string>();
      return async (request, ask) => {
        const { call, name } = asked(request);
        const reply = await ask();
        if (call === 'Get' && isDone(reply)) told.set(name, reply.body);
        const old = told.get(name);
        return call === 'Get' && old !== undefined ? { ...reply, status: 200, body: old } : reply;
      };
    }),
  },
  {
    check: 'LIF-001',
    client: 'dvdcli-0.1',
    fault: 'volumes are forgotten when they are unmounted',
    start: lasting(() => {
      const forgotten = new Set<string>();
      return async (request, ask) => {
        const { call, name } = asked(request);
        if (call === 'Create' || call === 'Mount') forgotten.delete(name);
        if (call === 'Get' && forgotten.has(name)) return refusal(`no volume ${name}`);
        const reply = await ask();
        if (call === 'Unmount') forgotten.add(name);
        return reply;
      };
    }),
  },
  {
    check: 'LIF-002',
    client,
    fault: 'the mountpoint is given as a path that is not clean',
    alsoFails: { 'LIF-004': 'Get and Path tell the clean one' },
    start: onReply('Mount', (reply) => answer({ Mountpoint: `${mountpointIn(reply)}/.` })),
  },
  {
    check: 'LIF-003',
    client,
    fault: 'mounts nothing and does not say so: data land on the host',
    alsoFails: Object.fromEntries(
      ['LIF-006', 'LIF-007', 'LIF-008', 'LIF-010', 'LIF-015'].map((id) => [id, 'it looks for the mount, too']),
    ),
    start: async (places) => await fakeDriver({ manifest: { plainDirectory: false, ...impatient } })(places),
  },
  {
    check: 'LIF-003',
    client,
    fault: 'data do not lie where the manifest says',
    start: fakeDriver({ manifest: { backingDirectory: '/srv/volumes' } }),
  },
  {
    check: 'LIF-004',
    client,
    fault: 'Get tells the mountpoint of another volume',
    start: onReply('Get', (reply) => ({
      ...reply,
      body: reply.body.replace(/("Mountpoint":\s*"[^"]*)cert-/, '$1other-'),
    })),
  },
  {
    check: 'LIF-005',
    client,
    fault: 'Path of an unmounted volume tells the latest mountpoint',
    alsoFails: {
      'LIF-006': 'it tells a mountpoint after the last Unmount',
      'LIF-007': 'likewise',
      'LIF-008': 'likewise',
      'LIF-011': 'likewise',
      'LIF-014': 'likewise',
      'LIF-015': 'it tells a mountpoint after a failed Mount',
    },
    start: lasting(() => {
      let latest = '';
      return async (request, ask) => {
        const { call } = asked(request);
        const reply = await ask();
        if (call === 'Mount' && isDone(reply)) latest = mountpointIn(reply);
        const isEmpty = call === 'Path' && isDone(reply) && mountpointIn(reply) === '';
        return isEmpty && latest !== '' ? answer({ Mountpoint: latest }) : reply;
      };
    }, impatient),
  },
  {
    check: 'LIF-006',
    client,
    fault: 'Unmount succeeds and does nothing',
    alsoFails: {
      'LIF-001': 'what is still mounted cannot be removed',
      'LIF-007': 'nothing is unmounted before the second Mount',
      'LIF-008': 'what is still mounted cannot be removed',
      'LIF-009': 'what is still mounted cannot be removed',
      'LIF-014': 'nothing is unmounted',
      'LIF-015': 'nothing is unmounted after the second try',
    },
    start: fakeDriver({
      changes: { unmount: { effect: 'nothing', unknown: 'succeed', unmounted: 'succeed' } },
      manifest: impatient,
    }),
  },
  {
    check: 'LIF-007',
    client,
    fault: 'a volume that was unmounted comes back at a path that is not there',
    alsoFails: { 'LIF-009': 'it mounts a volume again', 'LIF-015': 'it mounts a volume again' },
    start: lasting(() => {
      const unmounted = new Set<string>();
      return async (request, ask) => {
        const { call, name } = asked(request);
        const reply = await ask();
        if (call === 'Unmount' && isDone(reply)) unmounted.add(name);
        const isBroken = call === 'Mount' && isDone(reply) && unmounted.has(name);
        return isBroken ? answer({ Mountpoint: `${mountpointIn(reply)}-gone` }) : reply;
      };
    }),
  },
  {
    check: 'LIF-008',
    client,
    fault: 'Remove takes a volume from under its user',
    start: fakeDriver({
      changes: { remove: { effect: 'delete', unknown: 'succeed', inUse: 'leave-mounted' } },
      manifest: impatient,
    }),
  },
  {
    check: 'LIF-009',
    client,
    fault: 'Remove keeps the data, and the manifest says that it deletes them',
    start: fakeDriver({ manifest: { removePolicy: 'delete' } }),
  },
  {
    check: 'LIF-010',
    client,
    fault: 'Mount of an unknown volume succeeds with an empty mountpoint',
    start: fakeDriver({ changes: { mountUnknown: 'empty-mountpoint' } }),
  },
  {
    check: 'LIF-011',
    client,
    fault: 'knows only volumes that it was asked to make',
    start: lasting(() => {
      const made = new Set<string>();
      return async (request, ask) => {
        const { call, name } = asked(request);
        if (call === 'Create') made.add(name);
        return call === 'Get' && !made.has(name) ? refusal(`no volume ${name}`) : await ask();
      };
    }, fakeVendorCli),
  },
  {
    check: 'LIF-012',
    client,
    fault: 'remembers volumes until it is asked itself to remove them',
    start: lasting(
      () => {
        const made = new Set<string>();
        return async (request, ask) => {
          const { call, name } = asked(request);
          if (call === 'Create') made.add(name);
          if (call === 'Remove') made.delete(name);
          const reply = await ask();
          const isKept = call === 'Get' && made.has(name) && !isDone(reply);
          return isKept ? answer({ Volume: { Name: name } }) : reply;
        };
      },
      (own) => ({ ...fakeVendorCli(own), ...impatient }),
    ),
  },
  {
    check: 'LIF-013',
    client,
    fault: 'all volumes have one place',
    alsoFails: { 'LIF-017': 'two names lead to one place' },
    start: fakeDriver({ changes: { layout: { data: 'one', mountpoint: 'one' } } }),
  },
  {
    check: 'LIF-014',
    client,
    fault: 'Unmount while a file is open is refused and done',
    start: async (places) => {
      const tamper: Tamper = async (request, ask) => {
        const isHeld = asked(request).call === 'Unmount' && (await holdsFileIn(places));
        const reply = await ask();
        return isHeld ? refusal('device is busy') : reply;
      };
      return await fakeDriver({ tamper })(places);
    },
  },
  {
    check: 'LIF-015',
    client,
    fault: 'a Mount that fails leaves the volume mounted',
    start: lasting(
      () => async (request, ask) => {
        const reply = await ask();
        // The fault of the fake is used up: asked again, it mounts.
        if (asked(request).call === 'Mount' && !isDone(reply)) await ask();
        return reply;
      },
      impatient,
    ),
  },
  {
    check: 'LIF-016',
    client,
    fault: 'Get tells the options with their secrets',
    start: fakeDriver({
      tamper: async (request, ask) => {
        const { call, name } = asked(request);
        const reply = await ask();
        if (call !== 'Get' || !isDone(reply)) return reply;
        return answer({ Volume: { Name: name, Status: { password: 'correct-horse' } } });
      },
      manifest: secretOptions,
    }),
    alsoFails: { 'LIF-004': 'this Get tells no mountpoint' },
  },
  {
    check: 'LIF-016',
    client,
    fault: 'logs requests with their secrets',
    start: async (places) => {
      const log = join(places.directory, 'driver.log');
      const tamper: Tamper = async (request, ask) => {
        await appendFile(log, request.body);
        return await ask();
      };
      return await fakeDriver({ tamper, manifest: { ...secretOptions, log } })(places);
    },
  },
  {
    check: 'LIF-016',
    client,
    fault: 'gives secrets to a program as an argument',
    start: async (places) => {
      const programs: ChildProcess[] = [];
      const end = (): void => programs.splice(0).forEach((program) => void program.kill('SIGKILL'));
      const tamper: Tamper = async (request, ask) => {
        const { call, options } = asked(request);
        const password = options?.['password'];
        if (password !== undefined) {
          programs.push(spawn(process.execPath, ['-e', 'setTimeout(Object, 60_000)', password], { stdio: 'ignore' }));
        }
        if (call === 'Unmount' || call === 'Remove') end();
        return await ask();
      };
      const { manifest, ...driver } = await fakeDriver({ tamper, manifest: secretOptions })(places);
      return {
        manifest,
        async [Symbol.asyncDispose]() {
          end();
          await driver[Symbol.asyncDispose]();
        },
      };
    },
  },
  {
    check: 'LIF-017',
    client,
    fault: 'names are looked up without regard to case',
    start: fakeDriver({
      tamper: async ({ body }, ask) => await ask(body.replace(/CERT-[^"]*/g, (name) => name.toLowerCase())),
    }),
  },
];

/** A driver with a memory of its own on the wire. */
function lasting(
  tamper: () => Tamper,
  manifest: FakeDriverMutant['manifest'] = {},
): (places: MutantPlaces) => Promise<StartedMutant> {
  return async (places) => await fakeDriver({ tamper: tamper(), manifest })(places);
}

/** Another answer to one call, when it is done. */
function onReply(
  call: string,
  change: (reply: Awaited<ReturnType<Parameters<Tamper>[1]>>) => ReturnType<typeof answer>,
): Mutant['start'] {
  return fakeDriver({
    tamper: async (request, ask) => {
      const reply = await ask();
      return asked(request).call === call && isDone(reply) ? change(reply) : reply;
    },
  });
}

/** Whether this process, in which the suite runs, has a file of the driver's volumes open. */
export async function holdsFileIn({ directory }: Pick<MutantPlaces, 'directory'>): Promise<boolean> {
  for (const descriptor of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${descriptor}`).catch(() => ''); // closed meanwhile
    if (target.startsWith(join(directory, 'driver', 'data'))) return true;
  }
  return false;
}
