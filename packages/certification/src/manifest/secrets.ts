import { DomainError } from '@drydock/base/errors';
import type { VolumeOptions } from '@drydock/volume-plugin';
import type { Manifest } from './manifest.ts';

/** A variable that the manifest takes an option from is not set, or too short to be kept out of texts. */
export class SecretMissingError extends DomainError<'SECRET_MISSING'> {
  readonly code = 'SECRET_MISSING';
}

export interface ResolvedOptions {
  /** Of a Create; `<name>` stands for the volume. */
  readonly create: VolumeOptions;
  /** Values that must be written nowhere. */
  readonly secrets: readonly string[];
}

/** The options of Create with what comes from the environment. @throws SecretMissingError */
export function resolveOptions(manifest: Manifest, env: Readonly<Record<string, string | undefined>>): ResolvedOptions {
  const create: Record<string, string> = {};
  const secrets: string[] = [];
  for (const [key, given] of Object.entries(manifest.options.create)) {
    if (typeof given === 'string') {
      create[key] = given;
      continue;
    }
    const value = 'env' in given ? env[given.env] : given.value;
    if ('env' in given && (value === undefined || (given.secret && value.length < 4))) {
      throw new SecretMissingError(
        `options.create.${key} comes from the variable ${given.env}: expected it to be set, to 4 characters or more`,
      );
    }
    create[key] = value ?? '';
    if (given.secret) secrets.push(value ?? '');
  }
  return { create, secrets };
}

/** The options for one volume. */
export function optionsFor(create: VolumeOptions, volume: string): VolumeOptions {
  return Object.fromEntries(Object.entries(create).map(([key, value]) => [key, value.replaceAll('<name>', volume)]));
}
