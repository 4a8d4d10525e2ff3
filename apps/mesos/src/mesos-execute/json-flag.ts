import { readFileSync } from 'node:fs';
import { FlagsError } from '@drydock/base/gflags';
import { messageOf } from '@drydock/base/errors';
import { JsonMappingError, fromJson, type MessageType } from '@drydock/mesos';

/** A flag's value cannot be loaded. */
export function loadError(name: string, text: string, why: string): FlagsError {
  return new FlagsError([`Failed to load value '${text}' for flag '${name}': ${why}`]);
}

/**
 * The JSON of a flag that holds it or names a file.
 * DEVIATION: upstream takes only absolute paths and `file://` for files and reads everything else as JSON; here what
 * does not begin as JSON is a path, so that `--volumes=myvolume.json` works.
 * @throws FlagsError
 * @see 3rdparty/stout/include/stout/flags/fetch.hpp
 */
export function readJsonFlag(name: string, text: string): unknown {
  const isInline = /^\s*[[{"]/.test(text) || text.trim() === '';
  let json = text;
  if (!isInline) {
    try {
      json = readFileSync(text.replace(/^file:\/\//, ''), 'utf8');
    } catch (error) {
      throw loadError(name, text, `Error reading file '${text}': ${messageOf(error)}`);
    }
  }
  try {
    return JSON.parse(json);
  } catch (error) {
    throw loadError(name, text, `Expecting JSON: ${messageOf(error)}`);
  }
}

/** The same for a flag that holds a JSON object. @throws FlagsError */
export function readObjectFlag(name: string, text: string): Readonly<Record<string, unknown>> {
  const value = readJsonFlag(name, text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.fromEntries(Object.entries(value));
  throw loadError(name, text, 'Expecting a JSON object');
}

/** The message of a flag that holds its JSON; `complete` may add to it what people leave out. @throws FlagsError */
export function readMessageFlag<T>(
  name: string,
  text: string,
  type: MessageType<T>,
  complete: (value: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>> = (value) => value,
): T {
  const value = complete(readObjectFlag(name, text));
  try {
    return fromJson(type, value);
  } catch (error) {
    if (!(error instanceof JsonMappingError)) throw error;
    throw loadError(name, text, error.message);
  }
}
