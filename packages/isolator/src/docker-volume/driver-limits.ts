/** How long a call to a driver may take. @see src/slave/containerizer/mesos/isolators/docker/volume/constants.hpp */
export const MOUNT_TIMEOUT_MS = 120_000;
export const UNMOUNT_TIMEOUT_MS = 600_000;
/** Ours: upstream does not look. */
export const INSPECT_TIMEOUT_MS = 60_000;
