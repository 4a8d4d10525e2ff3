import { isAbsolute } from 'node:path';
import type { VolumeOptions } from '@drydock/volume-plugin';
import { BadVolumeError } from './driver-errors.ts';
import type { DriverProfile, OptionRule } from './profile.ts';
import { fill } from './template.ts';
import { parseSizeBytes } from './volume-size.ts';

const GIBIBYTE = 1024 ** 3;

/** Options of Drydock's own, which every profile takes: `drydock.faults`. */
export const OWN_OPTION_PREFIX = 'drydock.';

/** Checks what a Create asks for against the profile. Gives the size. @throws BadVolumeError, BadSizeError */
export function checkCreateRequest(
  profile: DriverProfile,
  name: string,
  options: VolumeOptions,
): { readonly sizeBytes: number } {
  const { texts, nameRule, options: rules } = profile;
  const refuse = (text: string, value: string): never => {
    throw new BadVolumeError(fill(text, { name, value }));
  };
  if (!nameRule.test(name)) refuse(texts.badName, name);
  for (const [key, value] of Object.entries(options)) {
    if (key.startsWith(OWN_OPTION_PREFIX)) continue;
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule === undefined) {
      if (profile.unknownOptions === 'refuse') refuse(texts.unknownOption, key);
    } else if (rule.kind === 'unsupported' && value !== '') refuse('Option <value> is not supported', key);
    else if (!isTaken(rule, value)) refuse(texts.badOption, value);
  }
  for (const [key, rule] of Object.entries(rules)) {
    if (rule.isRequired === true && (options[key] ?? '') === '') refuse(texts.missingOption, key);
  }
  const sizeBytes = toSizeBytes(profile, options['size'] ?? '');
  if (sizeBytes % profile.sizeUnitBytes !== 0) refuse(texts.badSizeUnit, options['size'] ?? '');
  return { sizeBytes };
}

function toSizeBytes(profile: DriverProfile, text: string): number {
  const rule = Object.hasOwn(profile.options, 'size') ? profile.options['size'] : undefined;
  if (rule === undefined || text === '') return profile.defaultSizeBytes;
  try {
    return (rule.kind === 'gibibytes' ? Number(text) * GIBIBYTE : parseSizeBytes(text)) || profile.defaultSizeBytes;
  } catch (error) {
    if (profile.badSize === 'take-default') return profile.defaultSizeBytes;
    throw error;
  }
}

function isTaken({ kind, values }: OptionRule, value: string): boolean {
  if (values !== undefined && !values.includes(value)) return false;
  switch (kind) {
    case 'absolute-path':
      return isAbsolute(value);
    case 'boolean':
      return value === 'true' || value === 'false' || value === '';
    case 'gibibytes':
      return /^\d{1,6}$/.test(value);
    case 'text':
    case 'unsupported':
    case 'size': // read below, in the words of the size's own reader
      return true;
  }
}
