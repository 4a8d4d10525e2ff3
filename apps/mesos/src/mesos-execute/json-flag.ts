import { readFileSync } from 'node:fs';
import { FlagsError } from '@drydock/base/gflags';
import { messageOf } from '@drydock/base/errors';

/**
 * The JSON of a flag that holds it or names a file.
 * DEVIATION: upstream takes only absolute paths and `file://` for files and reads everything else as JSON; here what
 * does not begin as JSON is a path, so that `--volumes=myvolume.json` works.
 * @throws FlagsError
 * @see 3rdparty/stout/include/stout/flags/fetch.hpp
 */
export function readJsonFlag(name: string, text: string): unknown {
  const fail = (why: string): FlagsError =>
    new FlagsError([`Failed to load value '${text}' for flag '${name}': ${why}`]);
  const isInline = /^\s*[[{"]/.test(text) || text.trim() === '';
  let json = text;
  if (!isInline) {
    try {
      json = readFileSync(text.replace(/^file:\/\//, ''), 'utf8');
    } catch (error) {
      throw fail(`Error reading file '${text}': ${messageOf(error)}`);
    }
  }
  try {
    return JSON.parse(json);
  } catch (error) {
    throw fail(`Expecting JSON: ${messageOf(error)}`);
  }
}
