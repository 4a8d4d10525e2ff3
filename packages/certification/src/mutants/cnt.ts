import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { answer, asked, isDone, mountpointIn, refusal, watchingMounts } from './answers.ts';
import { fakeDriver } from './fake-driver-mutant.ts';
import { holdsFileIn, impatient } from './lif.ts';
import type { Mutant } from './mutant.ts';
import type { Tamper } from './tampered-socket.ts';

/** One client is enough for a fault that does not depend on it. */
const client = 'dvdcli-0.2';

export const cntMutants: readonly Mutant[] = [
  {
    check: 'CNT-001',
    client,
    fault: 'counts every Mount, as most plugins for Docker do',
    start: fakeDriver({ changes: { uses: 'mounts' }, manifest: impatient }),
  },
  {
    check: 'CNT-001',
    client: 'dvdcli-0.1',
    fault: 'a second Mount without an id is refused, as by rclone',
    alsoFails: { 'CNT-002': 'it mounts for two containers', 'CNT-003': 'it mounts twice' },
    start: fakeDriver({ changes: { uses: 'ids' }, manifest: impatient }),
  },
  {
    check: 'CNT-002',
    client,
    fault: 'a second Mount gives an empty place of its own',
    start: async (places) => {
      const tamper = watchingMounts((mounted) => async (request, ask) => {
        const { call, name } = asked(request);
        const isAgain = mounted.has(name);
        const reply = await ask();
        if (call !== 'Mount' || !isAgain || !isDone(reply)) return reply;
        const other = `${mountpointIn(reply)}-second`;
        await mkdir(other, { recursive: true });
        return answer({ Mountpoint: other });
      });
      return await fakeDriver({ tamper })(places);
    },
  },
  {
    check: 'CNT-003',
    client,
    fault: 'opens a file for each Mount and never closes it',
    start: async (places) => {
      const leaked: FileHandle[] = [];
      const tamper: Tamper = async (request, ask) => {
        if (asked(request).call === 'Mount') leaked.push(await open('/dev/null'));
        return await ask();
      };
      const { manifest, ...driver } = await fakeDriver({ tamper, manifest: impatient })(places);
      return {
        manifest,
        async [Symbol.asyncDispose]() {
          await driver[Symbol.asyncDispose]();
          for (const file of leaked) await file.close();
        },
      };
    },
  },
  {
    check: 'CNT-004',
    client: 'engine',
    fault: 'one Unmount undoes the mounts of all ids',
    start: fakeDriver(),
  },
  {
    check: 'CNT-005',
    client,
    fault: 'after a Mount that failed, the next Unmount is lost',
    start: async (places) => {
      let isConfused = false;
      const tamper = watchingMounts((mounted) => async (request, ask) => {
        const { call, name } = asked(request);
        if (call === 'Unmount' && mounted.has(name) && isConfused) {
          isConfused = false;
          return answer({});
        }
        const reply = await ask();
        if (call === 'Mount' && !isDone(reply)) isConfused = true;
        return reply;
      });
      return await fakeDriver({ tamper, manifest: impatient })(places);
    },
  },
  {
    check: 'CNT-006',
    client,
    fault: 'an Unmount that failed is never tried again',
    start: async (places) => {
      const given = new Set<string>();
      const tamper: Tamper = async (request, ask) => {
        const { call, name } = asked(request);
        if (call === 'Unmount' && (await holdsFileIn(places))) given.add(name);
        return call === 'Unmount' && given.has(name) ? refusal('exit status 32') : await ask();
      };
      return await fakeDriver({ tamper, manifest: impatient })(places);
    },
  },
];
