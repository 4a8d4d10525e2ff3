import type { EngineVolume } from '@drydock/fake-drivers';
import type { DriverKind } from './configuration.ts';

/** A volume as convoy 0.5 shows it: this key order, all of DriverInfo as text with sorted keys. */
export function toVolumeJson(volume: EngineVolume, driver: DriverKind): object {
  const createdTime = toRubyDate(new Date(volume.createdAt));
  const mountpoint = volume.mountpoint ?? '';
  return {
    Name: volume.name,
    Driver: driver,
    MountPoint: mountpoint,
    CreatedTime: createdTime,
    DriverInfo:
      driver === 'vfs'
        ? {
            Driver: driver,
            MountPoint: mountpoint,
            Path: volume.place,
            PrepareForVM: 'false',
            Size: String(volume.sizeBytes),
            VolumeCreatedAt: createdTime,
            VolumeName: volume.name,
          }
        : {
            Driver: driver,
            Filesystem: 'ext4',
            MountPoint: mountpoint,
            Size: String(volume.sizeBytes),
            VolumeCreatedAt: createdTime,
            VolumeName: volume.name,
          },
    Snapshots: {},
  };
}

/** `Mon Nov 23 00:49:15 +0000 2026`. */
function toRubyDate(at: Date): string {
  const [weekday = '', day = '', month = '', year = '', time = ''] = at.toUTCString().replace(',', '').split(' ');
  return `${weekday} ${month} ${day} ${time} +0000 ${year}`;
}
