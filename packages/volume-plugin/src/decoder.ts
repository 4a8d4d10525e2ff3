/**
 * Reads plugin answers as tolerantly as Go clients do: keys in any case, unknown keys ignored, `null` is the zero value;
 * a value of another type is an error.
 */
import { PluginReplyError } from './errors.ts';
import type { PluginVolume, VolumeOptions } from './wire.ts';

/** A decoded JSON object (or `null`, which Go reads as an empty one). */
export type GoObject = Readonly<Record<string, unknown>>;

/** @throws PluginReplyError for anything but an object or `null` */
export function parseObject(value: unknown, into: string): GoObject {
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return { ...value };
  throw mismatch(value, into);
}

/** A text field; absent and `null` are `''`. */
export function textField(object: GoObject, name: string): string {
  const value = field(object, name) ?? '';
  if (typeof value === 'string') return value;
  throw mismatch(value, `struct field ${name} of type string`);
}

/** A map of texts; absent and `null` are `{}`. */
export function optionsField(object: GoObject, name: string): VolumeOptions {
  const options = parseObject(field(object, name) ?? null, `struct field ${name} of type map[string]string`);
  return Object.fromEntries(Object.keys(options).map((key) => [key, exactText(options[key], name)]));
}

/** A list of texts; absent and `null` are `[]`. */
export function textsField(object: GoObject, name: string): readonly string[] {
  const value = field(object, name) ?? [];
  if (!Array.isArray(value)) throw mismatch(value, `struct field ${name} of type []string`);
  return value.map((item: unknown) => exactText(item, name));
}

/** The `Volume` of Get; undefined when absent or `null`. */
export function volumeField(object: GoObject, name: string): PluginVolume | undefined {
  const value = field(object, name) ?? undefined;
  if (value === undefined) return undefined;
  const volume = parseObject(value, `struct field ${name} of type volume`);
  const mountpoint = textField(volume, 'Mountpoint');
  return { Name: textField(volume, 'Name'), ...(mountpoint === '' ? {} : { Mountpoint: mountpoint }) };
}

function exactText(value: unknown, name: string): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  throw mismatch(value, `struct field ${name} of type string`);
}

/** The exact key wins, otherwise the last that differs only in case. */
function field(object: GoObject, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const key = Object.keys(object).findLast((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : object[key];
}

function mismatch(value: unknown, into: string): PluginReplyError {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return new PluginReplyError(`json: cannot unmarshal ${kind} into Go ${into}`);
}
