export { LocalCluster } from './local-cluster.ts';
export type { LocalClusterOptions, StartedAgentProcess } from './local-cluster.ts';
export { DaemonFailedError } from './daemon-process.ts';
export type { DaemonProcess } from './daemon-process.ts';
export { STANDIN_IMAGES_DIRECTORY } from './bins.ts';
export type { BinName } from './bins.ts';
export type { ExecutedTask, ExecuteOptions } from './executed-task.ts';
export type { Leak } from './leaks.ts';
export { NamespaceError } from './private-namespace.ts';
