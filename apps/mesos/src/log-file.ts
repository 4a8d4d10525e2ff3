import { mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError, messageOf } from '@drydock/base/errors';
import { defineFlags } from '@drydock/base/gflags';
import type { VirtualFiles } from '@drydock/mesos';

/** `--log_dir` cannot be used. */
export class LogFileError extends DomainError<'LOG_FILE'> {
  readonly code = 'LOG_FILE';
}

/** The daemons' flags about logs. @see src/logging/flags.cpp */
export const logFlags = defineFlags({
  log_dir: {
    kind: 'string',
    help: 'Directory for <name>.INFO, which gets every line that stderr gets; default: no file',
    source: 'logging/flags.cpp: log_dir',
  },
  external_log_file: {
    kind: 'string',
    help: 'A log file that something else writes; only shown under /files',
    source: 'logging/flags.cpp: external_log_file',
  },
});

/** Where the program `name` writes its lines below `--log_dir`. */
function logFilePath(logDir: string, name: string): string {
  return join(logDir, `${name}.INFO`);
}

/**
 * Opens the log file for appending; the result takes lines until the process ends.
 * @throws LogFileError
 */
export function openLogFile(logDir: string, name: string): (line: string) => void {
  const path = logFilePath(logDir, name);
  try {
    mkdirSync(logDir, { recursive: true });
    const descriptor = openSync(path, 'a', 0o644);
    return (line) => appendLine(descriptor, path, line);
  } catch (error) {
    throw new LogFileError(`Failed to open the log file '${path}' of --log_dir: ${messageOf(error)}`, { cause: error });
  }
}

/** A full disk costs the lines in the file, not the daemon. */
function appendLine(descriptor: number, path: string, line: string): void {
  try {
    writeSync(descriptor, line);
  } catch (error) {
    process.stderr.write(`Failed to write to '${path}': ${messageOf(error)}\n`);
  }
}

/** Shows the log as `virtualPath`; nothing is there when no flag names one. @see src/master/master.cpp initialize */
export function attachLog(
  files: VirtualFiles,
  virtualPath: string,
  flags: { readonly log_dir: string | undefined; readonly external_log_file: string | undefined },
  name: string,
): void {
  const logFile = flags.log_dir === undefined ? undefined : logFilePath(flags.log_dir, name);
  const path = flags.external_log_file ?? logFile;
  if (path !== undefined) files.attach(virtualPath, path);
}
