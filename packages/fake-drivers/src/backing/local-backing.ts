import type { ClockPort, RandomPort } from '@drydock/base/ports';
import type { RecordBook } from '../records/record-book.ts';
import { noUses, toVolumeFacts, type VolumeRecord } from '../records/volume-record.ts';
import { toUuid } from '../uuid.ts';
import type { BackingVolume, VolumeBacking } from './volume-backing.ts';

/** The driver's own records. */
export function createLocalBacking(
  records: RecordBook,
  ports: { readonly clock: ClockPort; readonly random: RandomPort },
): VolumeBacking {
  return {
    ownsData: false,
    async find(name) {
      const record = records.get(name);
      return record === undefined ? [] : [toBackingVolume(record)];
    },
    list: async () => records.list().map(toBackingVolume),
    async create(volume) {
      const uuid = toUuid(ports.random.hex(16));
      const record = { ...noUses, index: records.takeIndex(), ...volume, uuid, createdAt: ports.clock.now() };
      await records.put(record);
      return toBackingVolume(record);
    },
    remove: async ({ name }) => await records.delete(name),
    attach: async () => 'attached',
    detach: async () => undefined,
  };
}

function toBackingVolume(record: VolumeRecord): BackingVolume {
  return { ...toVolumeFacts(record), attachment: 'here' };
}
