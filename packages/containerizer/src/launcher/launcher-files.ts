/** Files of a container's runtime directory that launcher and shim share. @see src/slave/containerizer/mesos/paths.hpp */
export const LAUNCHER_FILES = {
  alive: 'alive',
  bundle: 'config.json',
  containerPid: 'container.pid',
  exit: 'exit',
  pid: 'pid',
  runtimeLog: 'runtime.log',
  shim: 'shim',
  shimErrors: 'shim.err',
} as const;
