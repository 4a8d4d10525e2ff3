/**
 * The contract between the MesosContainerizer and its isolators.
 *
 * Vocabulary. A *container* is one run of one command, named by a `ContainerID`; the *sandbox* is its directory on the
 * host. An *isolator* prepares one aspect of a container (its file system, the command of its image, its Docker volumes)
 * by giving a `ContainerLaunchInfo`; the containerizer merges them in isolator order and launches the container.
 *
 * Life cycle of one container: `prepare` (isolators in order, stopped by the first failure) -> the container runs ->
 * `cleanup` (isolators in reverse order, all attempted). `cleanup` follows every `prepare`, also a failed one.
 *
 * Worked example: docker/volume gets `container.volumes = [{container_path: '/data', source: ...}]`, mounts the volume
 * through its driver on the host, and gives `{mounts: [{source: '/mnt/v1', target: '/data', isReadOnly: false}]}`.
 *
 * @see src/slave/containerizer/mesos/isolator.hpp
 */
import type { CommandInfo, ContainerID, ContainerInfo, Resource } from '@drydock/mesos';

/** What of a Docker image matters at launch. @see https://github.com/moby/moby/blob/master/image/spec/v1.2.md */
export interface ImageRuntimeConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** `NAME=value` entries. */
  readonly env: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
}

/** Everything known about a container before it is prepared. */
export interface ContainerConfig {
  /**
   * The task's command; absent fields have upstream's defaults (`shell` is true). Undefined for a container that has no
   * process of its own and holds what its nested containers share.
   */
  readonly command?: CommandInfo;
  readonly container?: ContainerInfo;
  readonly resources: readonly Resource[];
  /** Host path; exists and belongs to `user`. */
  readonly sandboxDirectory: string;
  /** The user that the command runs as. */
  readonly user: string;
  /** Set iff the container has a root file system of its own (filled in by the provisioner). */
  readonly image?: ImageRuntimeConfig;
}

/** One bind mount into the container. */
export interface ContainerMount {
  /** Host path. */
  readonly source: string;
  /**
   * Absolute path as a process in the container sees it (with an image: inside its root file system, where links are
   * resolved by the runtime; without one: on the host's). Never contains `..`.
   */
  readonly target: string;
  /** Covers submounts too. */
  readonly isReadOnly: boolean;
}

/** An isolator's contribution to a launch. Two isolators that set the same single field are an error. */
export interface ContainerLaunchInfo {
  readonly mounts?: readonly ContainerMount[];
  /** argv of the task. */
  readonly argv?: readonly string[];
  /** Image environment; the task's own environment wins over it. */
  readonly environment?: Readonly<Record<string, string>>;
  /** As a process in the container sees it. */
  readonly workingDirectory?: string;
}

/** A container that an earlier run of the agent launched. */
export interface ContainerState {
  readonly containerId: ContainerID;
  readonly sandboxDirectory: string;
  readonly container?: ContainerInfo;
}

export interface Isolator {
  /** As in `--isolation`: `docker/volume`. */
  readonly name: string;
  /** Whether it is asked about nested containers at all. */
  readonly supportsNesting: boolean;

  /**
   * Rebuilds the state of the containers that are still there, nested ones included; runs once, before anything else.
   * `orphans` are ids that the containerizer knows but will destroy through `cleanup`: nobody uses what they hold.
   */
  recover(running: readonly ContainerState[], orphans: readonly ContainerID[]): Promise<void>;

  /**
   * @throws DomainError; its message is what the framework reads after `Failed to launch container: `
   */
  prepare(
    containerId: ContainerID,
    config: ContainerConfig,
    options: { signal: AbortSignal },
  ): Promise<ContainerLaunchInfo | undefined>;

  /** Undoes `prepare`. Safe without it, after its failure, and twice. The signal is the clean-up's own bound. */
  cleanup(containerId: ContainerID, options: { signal: AbortSignal }): Promise<void>;

  /** Ends what goes on in the background; what containers have stays as it is. */
  [Symbol.asyncDispose]?(): Promise<void>;
}
