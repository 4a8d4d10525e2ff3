/**
 * What the operator APIs of master and agent have in common, as TypeScript sees it: names and optionality of
 * `proto/master.proto` and `proto/agent.proto`.
 * @see include/mesos/v1/master/master.proto, include/mesos/v1/agent/agent.proto
 */
import type { DurationInfo, TimeInfo } from '../v1.ts';

export interface VersionInfo {
  version: string;
  build_date?: string;
  /** Seconds since the epoch. */
  build_time?: number;
  build_user?: string;
  git_sha?: string;
  git_branch?: string;
  git_tag?: string;
}

/** One entry of a directory, as LIST_FILES shows it. */
export interface FileInfo {
  path: string;
  nlink?: number;
  size?: number;
  mtime?: TimeInfo;
  /** Kind and permissions, as `st_mode`. */
  mode?: number;
  uid?: string;
  gid?: string;
}

export type CommonCallType =
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'SET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE';

/** Bodies of the calls that both APIs have. */
export interface CommonCallBodies {
  get_metrics?: { timeout?: DurationInfo };
  set_logging_level?: { level: number; duration: DurationInfo };
  list_files?: { path: string };
  read_file?: { path: string; offset: number; length?: number };
}

/** Bodies of the responses that both APIs have. */
export interface CommonResponseBodies {
  get_health?: { healthy: boolean };
  get_flags?: { flags?: { name: string; value?: string }[] };
  get_version?: { version_info: VersionInfo };
  get_metrics?: { metrics?: { name: string; value?: number }[] };
  get_logging_level?: { level: number };
  list_files?: { file_infos?: FileInfo[] };
  read_file?: { size: number; data: Uint8Array };
}

/** SET_LOGGING_LEVEL is answered without a message. */
export interface CommonResponse extends CommonResponseBodies {
  type: Exclude<CommonCallType, 'SET_LOGGING_LEVEL'>;
}
