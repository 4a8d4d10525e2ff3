/**
 * What master and agent tell of themselves in the same way, over the endpoints of libprocess and over their operator
 * APIs.
 */
import { parseDurationMs } from '@drydock/base/gflags';
import { filesRoutes } from '../files/files-routes.ts';
import type { VirtualFiles } from '../files/virtual-files.ts';
import { HttpError, jsonReply, textReply, type HttpReply } from '../http/reply.ts';
import type { HttpRequest, HttpRoute } from '../http/service.ts';
import type { VersionInfo } from './common-messages.ts';
import type { LoggingLevel } from './logging-level.ts';

/** Facts that do not change while a process runs. */
export interface ProcessFacts {
  readonly flags: Readonly<Record<string, string>>;
  /** Seconds since the epoch. */
  readonly startTime: number;
  /** Who built what when, as far as it is known. */
  readonly build?: Omit<VersionInfo, 'version'>;
}

/** The part of `/state` that says who the process is and how it was started. */
export function processState(version: VersionInfo, facts: ProcessFacts): Record<string, unknown> {
  const { log_dir: logDir, external_log_file: externalLogFile, cluster } = facts.flags;
  return {
    ...version,
    start_time: facts.startTime,
    ...(cluster === undefined ? {} : { cluster }),
    ...(logDir === undefined ? {} : { log_dir: logDir }),
    ...(externalLogFile === undefined ? {} : { external_log_file: externalLogFile }),
    flags: facts.flags,
  };
}

export interface ProcessReadSide {
  readonly flags: Readonly<Record<string, string>>;
  readonly version: () => VersionInfo;
  /** Names and values of `/metrics/snapshot`. */
  readonly metrics: () => Readonly<Record<string, number>>;
  readonly logging: LoggingLevel;
  readonly files: VirtualFiles;
}

/** `/flags`, `/health`, `/version`, `/metrics/snapshot`, `/logging/toggle` and `/files/*`. */
export function processRoutes(process: ProcessReadSide): readonly HttpRoute[] {
  return [
    { method: 'GET', path: '/flags', handle: () => jsonReply({ flags: process.flags }) },
    { method: 'GET', path: '/health', handle: () => textReply(200, '') },
    { method: 'GET', path: '/version', handle: () => jsonReply(process.version()) },
    { method: 'GET', path: '/metrics/snapshot', handle: (request) => snapshot(process, request) },
    ...process.logging.routes,
    ...filesRoutes(process.files),
  ];
}

/** Every metric is at hand, so no `timeout` ever runs out. */
function snapshot(process: ProcessReadSide, { query }: HttpRequest): HttpReply {
  const timeout = query.get('timeout');
  if (timeout !== null && parseDurationMs(timeout) === undefined) {
    throw new HttpError(400, `Invalid timeout '${timeout}': expecting a duration such as '5secs'.\n`);
  }
  return jsonReply(process.metrics());
}
