import type { ClockPort } from '@drydock/base/ports';
import type { RecordBook } from '../records/record-book.ts';
import { toVolumeFacts } from '../records/volume-record.ts';
import { isGlusterVolume } from '../store/gluster-source.ts';
import type { BackingVolume, VolumeBacking } from './volume-backing.ts';

/**
 * The volumes of a real gluster cluster, by name: any that can be one may be one, which shows when it is mounted.
 * Those that were mounted can be listed.
 */
export function createGlusterBacking(records: RecordBook, { clock }: { readonly clock: ClockPort }): VolumeBacking {
  const toVolume = (name: string): BackingVolume => ({
    name,
    uuid: name,
    index: 0,
    sizeBytes: 0,
    createdAt: clock.now(),
    options: {},
    attachment: 'here',
  });
  return {
    ownsData: false,
    find: async (name) => (isGlusterVolume(name) ? [toVolume(name)] : []),
    list: async () => records.list().map((record) => ({ ...toVolumeFacts(record), attachment: 'here' })),
    create: async ({ name, sizeBytes, options }) => ({ ...toVolume(name), sizeBytes, options }),
    remove: async () => undefined,
    attach: async () => 'attached',
    detach: async () => undefined,
  };
}
