/**
 * A containerizer that lets go while it has a launch in hand, and the next one. Arguments: base directory, cgroups root.
 * Prints outcomes as JSON.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerID } from '@drydock/mesos';
import { createTestContainerizer } from './test-containerizer.ts';
import { configOf, sandboxOf } from './volume-containers.ts';

const [base = '', cgroupsRoot = 'drydock-test'] = process.argv.slice(2);
const [preparing, waiting]: readonly ContainerID[] = [{ value: 'preparing' }, { value: 'waiting' }];
const { signal } = new AbortController();
const answers: string[] = [];
const note = (what: string) => (): void => void answers.push(what);
const cleanups: string[] = [];
const hasBegun = Promise.withResolvers<void>();
const create = async (): ReturnType<typeof createTestContainerizer> =>
  await createTestContainerizer({
    base,
    backend: 'overlay',
    cgroupsRoot,
    isolator: {
      prepare: async ({ value }, _config, { signal: aborting }) => {
        if (value !== preparing?.value) return undefined;
        hasBegun.resolve();
        return await new Promise((_resolve, reject) => {
          aborting.addEventListener('abort', () => reject(aborting.reason));
        });
      },
      cleanup: async ({ value }) => void cleanups.push(value),
    },
  });

const first = await create();
await first.recover([]);
if (preparing === undefined || waiting === undefined) throw new Error('There are two');
const atGate = await first.launch(waiting, await configOf(base, waiting, { hasImage: true }), { signal });
void first.launch(preparing, await configOf(base, preparing, {}), { signal }).then(note('launched'), note('failed'));
await hasBegun.promise;
await first.detach();
for (const id of [preparing, waiting]) void first.destroy(id).then(note('destroyed'), note('not destroyed'));
void atGate.exited.then(note('exited'));
await first[Symbol.asyncDispose]();
const left = (await readdir(join(base, 'run/containers'))).toSorted();

const second = await create();
const recovered = await second.recover(
  [preparing, waiting].map((containerId) => ({ containerId, sandboxDirectory: sandboxOf(base, containerId) })),
);
const ends = await Promise.all(
  recovered.map(async ({ containerId, process: one }) => ({ ...containerId, ...(await one?.exited) })),
);
const outcomes = { answers: [...answers], left, ends, cleanups: [...cleanups] };
for (const id of [preparing, waiting]) await second.destroy(id);
await second[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ ...outcomes, 'cleanups of the second': cleanups }));
