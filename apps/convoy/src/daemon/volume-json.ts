import type { EngineVolume } from '@drydock/fake-drivers';
import type { ConvoyVersion } from '../command-line.ts';
import type { DriverKind } from './configuration.ts';

export interface ShownBy {
  readonly driver: DriverKind;
  readonly version: ConvoyVersion;
}

/** A volume as convoy shows it: this key order, all of DriverInfo as text with sorted keys; 0.4 begins with the UUID. */
export function toVolumeJson(volume: EngineVolume, shownBy: ShownBy): object {
  return {
    ...(shownBy.version === '0.4' ? { UUID: volume.uuid } : {}),
    Name: volume.name,
    Driver: shownBy.driver,
    MountPoint: volume.mountpoint ?? '',
    CreatedTime: toRubyDate(new Date(volume.createdAt)),
    DriverInfo: toDriverInfo(volume, shownBy),
    Snapshots: {},
  };
}

/** What the driver itself tells of a volume. */
export function toDriverInfo(volume: EngineVolume, { driver, version }: ShownBy): object {
  const common = { Driver: driver, MountPoint: volume.mountpoint ?? '', Size: String(volume.sizeBytes) };
  const since05 = {
    VolumeCreatedAt: toRubyDate(new Date(volume.createdAt)),
    VolumeName: volume.name,
  };
  const info =
    driver === 'vfs'
      ? { ...common, Path: volume.place, PrepareForVM: 'false' }
      : {
          ...common,
          // DEVIATION: there is no such device; the volume is a file on a loop device.
          Device: `/dev/mapper/${version === '0.4' ? volume.uuid : volume.name}`,
          DevID: String(volume.index),
          ...(version === '0.4' ? {} : { Filesystem: 'ext4' }),
        };
  const all: Readonly<Record<string, string>> = version === '0.4' ? info : { ...info, ...since05 };
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `Mon Nov 23 00:49:15 +0000 2026`. */
function toRubyDate(at: Date): string {
  const [weekday = '', day = '', month = '', year = '', time = ''] = at.toUTCString().replace(',', '').split(' ');
  return `${weekday} ${month} ${day} ${time} +0000 ${year}`;
}
