/** A dvdcli that notes how it is called and hands the call on to the real one. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SEPARATOR = '\u001F';

export interface RecordingDvdcli {
  /** For `--dvdcli`. */
  readonly path: string;
  /** Arguments of every `mount` and `unmount`, oldest first. */
  calls(): Promise<readonly (readonly string[])[]>;
  /** Begins anew. */
  forget(): Promise<void>;
}

/** `directory` is a new one of the test's own. */
export async function writeRecordingDvdcli(directory: string): Promise<RecordingDvdcli> {
  const path = join(directory, 'recording-dvdcli');
  const log = join(directory, 'dvdcli-calls');
  const forget = async (): Promise<void> => await writeFile(log, '');
  await forget();
  // One printf is one write, so that calls at a time do not mix.
  const script = ['#!/bin/sh', `IFS='${SEPARATOR}'`, `printf '%s\\n' "$*" >>'${log}'`, 'exec dvdcli "$@"', ''];
  await writeFile(path, script.join('\n'));
  await chmod(path, 0o755);
  return {
    path,
    forget,
    calls: async () => {
      const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
      return lines.map((line) => line.split(SEPARATOR)).filter(([verb]) => verb === 'mount' || verb === 'unmount');
    },
  };
}
