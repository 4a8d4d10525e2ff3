import { DomainError } from '@drydock/base/errors';

/** Name of a volume plugin, as its socket or spec file is called. Made by `parseVolumeKey` only. */
export type DriverName = string & { readonly __brand: 'DriverName' };
/** Name of a volume within its driver. Made by `parseVolumeKey` only. */
export type VolumeName = string & { readonly __brand: 'VolumeName' };

/** What makes two requests the same volume; options are not part of it, as upstream. */
export interface VolumeKey {
  readonly driver: DriverName;
  readonly name: VolumeName;
}

/** One `--volumeopts` of a volume; order and duplicates are the framework's. */
export interface DriverOption {
  readonly key: string;
  readonly value: string;
}

/** A driver or volume name that must not reach an argv or a path. */
export class InvalidVolumeKeyError extends DomainError<'INVALID_VOLUME_KEY'> {
  readonly code = 'INVALID_VOLUME_KEY';
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/;

/**
 * DEVIATION: upstream passes any text to dvdcli, which looks for a plugin file by that name; a driver `../x` would be
 * looked for outside the plugin directories.
 * @throws InvalidVolumeKeyError
 */
export function parseVolumeKey(driver: string, name: string): VolumeKey {
  if (driver === '' || driver === '.' || driver === '..' || driver.includes('/') || CONTROL_CHARACTERS.test(driver)) {
    throw new InvalidVolumeKeyError(
      `Invalid volume driver ${JSON.stringify(driver)}: expected a plugin name without '/' and control characters`,
    );
  }
  if (name === '' || CONTROL_CHARACTERS.test(name)) {
    throw new InvalidVolumeKeyError(
      `Invalid name ${JSON.stringify(name)} of a '${driver}' volume: expected at least one character and no control characters`,
    );
  }
  // The brands say exactly what was checked above.
  return { driver: driver as DriverName, name: name as VolumeName };
}

/** One text per volume; names hold no control characters, so it is unambiguous. */
export function volumeId(key: VolumeKey): string {
  return `${key.driver}\n${key.name}`;
}
