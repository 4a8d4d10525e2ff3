/** A volume in the answers of Get and List. dvdcli knows its name and mountpoint; the engine reads, and checks, more. */
import type { GoValue } from '../go/go-json.ts';
import { goInterface, goMap, goString, goStruct, goTime, type GoType } from '../go/go-struct.ts';
import type { PluginVolume } from '../wire.ts';

interface VolumeFields {
  readonly Name: string;
  readonly Mountpoint: string;
  readonly CreatedAt?: string;
  readonly Status?: ReadonlyMap<string, GoValue>;
}

export const dvdcliVolume: GoType<VolumeFields> = goStruct('proxyVolume', { Name: goString, Mountpoint: goString });

export const engineVolume: GoType<VolumeFields> = goStruct('proxyVolume', {
  Name: goString,
  Mountpoint: goString,
  CreatedAt: goTime,
  Status: goMap(goInterface),
});

export function toPluginVolume({ Name, Mountpoint, CreatedAt = '', Status }: VolumeFields): PluginVolume {
  return {
    Name,
    ...(Mountpoint === '' ? {} : { Mountpoint }),
    ...(CreatedAt === '' ? {} : { CreatedAt }),
    ...(Status === undefined || Status.size === 0 ? {} : { Status: Object.fromEntries(Status) }),
  };
}
