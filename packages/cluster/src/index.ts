export { LocalCluster } from './local-cluster.ts';
export type { LocalClusterOptions, StartedAgentProcess } from './local-cluster.ts';
export { DaemonFailedError } from './daemon-process.ts';
export type { DaemonProcess } from './daemon-process.ts';
export { STANDIN_IMAGES_DIRECTORY } from './bins.ts';
export type { BinName } from './bins.ts';
export type { ExecutedTask, ExecuteOptions } from './executed-task.ts';
export type { Leak } from './leaks.ts';
export { joinNamespace, NamespaceError } from './private-namespace.ts';
export type { StartedNamespace } from './private-namespace.ts';
export { isOrdinaryUser, userNamespaceProblem } from './user-namespace.ts';
export { DockerCommandError, StartedDockerEngine } from './docker-engine.ts';
export { MesosClusterLocal } from './cluster/mesos-cluster-local.ts';
export type { StartedLocalCluster } from './cluster/mesos-cluster-local.ts';
export type {
  DriverMisuse,
  DriverRequest,
  LaunchedTask,
  MesosCluster,
  StartedAgent,
  StartedDaemon,
  StartedDriver,
} from './cluster/mesos-cluster.ts';
export { ClusterTask } from './cluster/cluster-task.ts';
export type { Sandbox, TaskQuery } from './cluster/cluster-task.ts';
export { WaitFor } from './cluster/wait-condition.ts';
export type { WaitCondition } from './cluster/wait-condition.ts';
