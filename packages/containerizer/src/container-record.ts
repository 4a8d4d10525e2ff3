import type { ContainerID } from '@drydock/mesos';
import type { LaunchPhase } from './launch-container.ts';
import type { ContainerProcess } from './launcher/container-process.ts';
import type { ContainerTermination } from './launcher/container-termination.ts';

/** What the containerizer knows of one container. */
export interface Container {
  readonly id: ContainerID;
  readonly sandboxDirectory: string;
  /** `remainder`: an earlier agent was about to launch it and died; there is only something to clean up. */
  phase: LaunchPhase | 'running' | 'remainder';
  readonly aborting: AbortController;
  /** Settles when `launch` does. */
  launching: Promise<unknown>;
  forked?: ContainerProcess;
  destroying?: Promise<void>;
  readonly termination: PromiseWithResolvers<ContainerTermination>;
  readonly children: Set<Container>;
  /** Of a root: how those nested in it have ended that are destroyed and not removed, by path. */
  readonly terminated: Map<string, ContainerTermination>;
}

export function newContainer(id: ContainerID, sandboxDirectory: string, phase: Container['phase']): Container {
  return {
    id,
    sandboxDirectory,
    phase,
    aborting: new AbortController(),
    launching: Promise.resolve(),
    termination: Promise.withResolvers(),
    children: new Set(),
    terminated: new Map(),
  };
}

export function setProcess(container: Container, forked: ContainerProcess): void {
  container.forked = forked;
  void forked.exited.then(container.termination.resolve);
}
