import { join } from 'node:path';
import { toGoJson } from '@drydock/volume-plugin';
import type { DaemonFlags } from '../command-line.ts';
import { convoyVersions } from '../version.ts';
import type { Configuration } from './configuration.ts';

/** What `convoy info` shows: the general settings, and those of the driver, all of which are texts. */
export function toInfo(flags: DaemonFlags, { version, driver, driverOptions }: Configuration): string {
  const general = {
    Version: convoyVersions[version],
    Root: flags.root,
    DriverList: [driver],
    DefaultDriver: driver,
  };
  const since05 = {
    MountNamespaceFD: '',
    IgnoreDockerDelete: flags.ignoresDockerDelete,
    CreateOnDockerMount: flags.createsOnDockerMount,
    CmdTimeout: flags.commandTimeout,
  };
  const size = driverOptions[driver === 'vfs' ? 'vfs.defaultvolumesize' : 'dm.defaultvolumesize'];
  const settings =
    driver === 'vfs'
      ? { Driver: driver, Path: driverOptions['vfs.path'] ?? join(flags.root, 'vfs'), Root: join(flags.root, 'vfs') }
      : { Driver: driver, Filesystem: 'ext4', Root: join(flags.root, 'devicemapper') };
  const General = version === '0.4' ? general : { ...general, ...since05 };
  return toGoJson(
    { General, [driver]: size === undefined ? settings : { DefaultVolumeSize: size, ...settings } },
    '\t',
  );
}
