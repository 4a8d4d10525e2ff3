/** What a container can ask of Linux, part of the v1 vocabulary. @see include/mesos/v1/mesos.proto */

/** Names as in capabilities(7) without `CAP_`. */
export interface CapabilityInfo {
  capabilities?: string[];
}

export interface LinuxInfo {
  capability_info?: CapabilityInfo;
  bounding_capabilities?: CapabilityInfo;
  effective_capabilities?: CapabilityInfo;
  share_pid_namespace?: boolean;
  seccomp?: unknown;
  ipc_mode?: 'UNKNOWN' | 'PRIVATE' | 'SHARE_PARENT';
  /** Megabytes. */
  shm_size?: number;
  /** Default true. */
  share_cgroups?: boolean;
}

/** Neither `hard` nor `soft`: no limit. */
export interface RLimitInfo {
  rlimits?: { type?: string; hard?: number; soft?: number }[];
}

/** A terminal for the container. */
export interface TTYInfo {
  window_size?: { rows: number; columns: number };
}
