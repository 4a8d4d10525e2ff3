import type { CapabilityInfo, ContainerInfo, Image, LinuxInfo, NetworkInfo, RLimitInfo, Volume } from '@drydock/mesos';
import { ExecuteFlagError } from './execute-flag-error.ts';

/** The flags that describe a container, read. */
export interface ContainerFlags {
  readonly containerizer: string;
  readonly volumes: Volume[];
  /** Names, in order. */
  readonly networks: readonly string[];
  readonly appcImage: string | undefined;
  readonly dockerImage: string | undefined;
  readonly effectiveCapabilities: CapabilityInfo | undefined;
  readonly boundingCapabilities: CapabilityInfo | undefined;
  readonly rlimits: RLimitInfo | undefined;
  readonly hasTty: boolean;
}

/**
 * The container of a task; undefined when nothing asks for one.
 * DEVIATION: with an empty --containerizer upstream sends no container, whatever image and volumes were asked for.
 * @throws ExecuteFlagError with upstream's text
 * @see src/cli/execute.cpp getContainerInfo
 */
export function containerInfoOf(flags: ContainerFlags): ContainerInfo | undefined {
  if (flags.containerizer === 'mesos') return mesosContainer(flags);
  if (flags.containerizer === 'docker') return dockerContainer(flags);
  throw new ExecuteFlagError(`Unsupported containerizer: ${flags.containerizer}`);
}

function mesosContainer(flags: ContainerFlags): ContainerInfo | undefined {
  const image = imageOf(flags);
  const linux: LinuxInfo = {
    ...(flags.effectiveCapabilities === undefined ? {} : { effective_capabilities: flags.effectiveCapabilities }),
    ...(flags.boundingCapabilities === undefined ? {} : { bounding_capabilities: flags.boundingCapabilities }),
  };
  const parts: Omit<ContainerInfo, 'type'> = {
    ...volumesOf(flags),
    ...(image === undefined ? {} : { mesos: { image } }),
    ...(flags.networks.length === 0 ? {} : { network_infos: networkInfosOf(flags) }),
    ...(Object.keys(linux).length === 0 ? {} : { linux_info: linux }),
    ...(flags.rlimits === undefined ? {} : { rlimit_info: flags.rlimits }),
    ...(flags.hasTty ? { tty_info: {} } : {}),
  };
  return Object.keys(parts).length === 0 ? undefined : { type: 'MESOS', ...parts };
}

function dockerContainer(flags: ContainerFlags): ContainerInfo {
  const { dockerImage: image, networks } = flags;
  if (image === undefined) throw new ExecuteFlagError("'Docker' containerizer requires docker image name");
  if (networks.length > 1) throw new ExecuteFlagError("'Docker' containerizer can only support a single network");
  if (flags.hasTty) throw new ExecuteFlagError("'Docker' containerizer does not allow attaching a TTY");
  const isNetworked = networks.length > 0;
  return {
    type: 'DOCKER',
    ...volumesOf(flags),
    docker: { image, ...(isNetworked ? { network: 'USER' } : {}) },
    ...(isNetworked ? { network_infos: networkInfosOf(flags) } : {}),
  };
}

function volumesOf({ volumes }: ContainerFlags): { volumes?: Volume[] } {
  return volumes.length === 0 ? {} : { volumes };
}

function networkInfosOf({ networks }: ContainerFlags): NetworkInfo[] {
  return networks.map((name) => ({ name }));
}

function imageOf({ dockerImage, appcImage }: ContainerFlags): Image | undefined {
  if (dockerImage !== undefined) return { type: 'DOCKER', docker: { name: dockerImage } };
  if (appcImage === undefined) return undefined;
  const labels = [
    { key: 'os', value: 'linux' },
    { key: 'arch', value: 'amd64' },
  ];
  return { type: 'APPC', appc: { name: appcImage, labels: { labels } } };
}
