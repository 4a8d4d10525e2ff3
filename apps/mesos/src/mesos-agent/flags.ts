import { isAbsolute } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import { defineFlags, parseDurationMs } from '@drydock/base/gflags';
import { parseDockerRegistry } from '@drydock/containerizer';
import { addressFlags } from '../advertised-address.ts';
import { checkCount, checkIp, checkNotZero } from '../flag-checks.ts';
import { isHostAndPort } from '../host-and-port.ts';
import { logFlags } from '../log-file.ts';

const absolute = (value: string): string | undefined => (isAbsolute(value) ? undefined : 'Expecting an absolute path');
const port = (value: string): string | undefined =>
  /^\d+$/.test(value) && Number(value) <= 65_535 ? undefined : 'Expecting a port from 0 to 65535';

function dockerRegistry(value: string): string | undefined {
  try {
    parseDockerRegistry(value);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function dockerConfig(value: string): string | undefined {
  return /^\s*\{|^\//.test(value) ? undefined : 'Expecting an absolute path or a JSON object';
}

/** The agent's flags. @see src/slave/flags.cpp */
export const agentFlags = defineFlags({
  ...logFlags,
  ...addressFlags,
  master: {
    kind: 'string',
    required: true,
    check: (value) => (isHostAndPort(value) ? undefined : 'Expecting host:port'),
    help: 'Where the master is, host:port',
    source: 'slave/flags.cpp: master',
  },
  work_dir: {
    kind: 'string',
    required: true,
    check: absolute,
    help: 'Where sandboxes and root file systems are kept, an absolute path',
    source: 'slave/flags.cpp: work_dir',
  },
  runtime_dir: {
    kind: 'string',
    default: '/var/run/mesos',
    check: absolute,
    help: 'State of running containers, lost at a reboot',
    source: 'slave/flags.cpp: runtime_dir',
  },
  ip: {
    kind: 'string',
    default: '127.0.0.1',
    check: checkIp,
    help: 'Address to listen on; upstream listens on all',
    source: 'slave/main.cpp: ip',
  },
  port: {
    kind: 'int',
    default: '5051',
    check: port,
    help: 'Port to listen on, 0 for any free one',
    source: 'slave/main.cpp: port',
  },
  hostname: {
    kind: 'string',
    help: "The name that offers carry; default: the machine's",
    source: 'slave/flags.cpp: hostname',
  },
  attributes: {
    kind: 'string',
    help: 'name:value pairs that offers carry, separated by ;',
    source: 'slave/flags.cpp: attributes',
  },
  resources: {
    kind: 'string',
    help: 'What is offered, e.g. cpus:2;mem:1024; the rest is detected',
    source: 'slave/flags.cpp: resources',
  },
  isolation: {
    kind: 'string',
    default: 'posix/cpu,posix/mem',
    help: 'Isolators, e.g. filesystem/linux,docker/volume',
    source: 'slave/flags.cpp: isolation',
  },
  containerizers: {
    kind: 'string',
    default: 'mesos',
    check: (value) => (value === 'mesos' ? undefined : "Expecting 'mesos', the only containerizer here"),
    help: 'Containerizers',
    source: 'slave/flags.cpp: containerizers',
  },
  image_providers: { kind: 'string', help: 'Image formats: docker', source: 'slave/flags.cpp: image_providers' },
  image_provisioner_backend: {
    kind: 'string',
    help: 'overlay or copy; default: overlay where it works',
    source: 'slave/flags.cpp: image_provisioner_backend',
  },
  docker_registry: {
    kind: 'string',
    default: 'https://registry-1.docker.io',
    check: dockerRegistry,
    help: 'Where images come from: the registry of names without one, http(s)://host[:port], or a directory of `docker save` archives, <name>.tar, as a path or file:// URL',
    source: 'slave/flags.cpp: docker_registry',
  },
  docker_config: {
    kind: 'string',
    isSecret: true,
    check: dockerConfig,
    help: "Credentials for registries: path of a config.json that has them in 'auths', or such JSON itself",
    source: 'slave/flags.cpp: docker_config',
  },
  fetcher_stall_timeout: {
    kind: 'duration',
    default: '1mins',
    check: checkNotZero,
    help: 'For how long nothing may come from a registry before a request counts as failed',
    source: 'slave/flags.cpp: fetcher_stall_timeout',
  },
  docker_store_dir: {
    kind: 'string',
    default: '/tmp/mesos/store/docker',
    check: absolute,
    help: 'Where unpacked images are kept',
    source: 'slave/flags.cpp: docker_store_dir',
  },
  docker_volume_checkpoint_dir: {
    kind: 'string',
    default: '/var/run/mesos/isolators/docker/volume',
    check: absolute,
    help: 'Which volumes are mounted for which container; use a directory that survives a reboot',
    source: 'slave/flags.cpp: docker_volume_checkpoint_dir',
  },
  docker_volume_chown: {
    kind: 'bool',
    default: 'false',
    help: 'Give a volume to the user of the first container that may write to it',
    source: 'slave/flags.cpp: docker_volume_chown',
  },
  docker_volume_mount_counting: {
    kind: 'string',
    default: 'per_container',
    check: (value) =>
      value === 'per_container' || value === 'first_container'
        ? undefined
        : 'Expecting one of per_container, first_container',
    help: "When a driver is told to mount: 'per_container', for each container, as upstream, or 'first_container', for the first one that holds the volume, which suits drivers that count; it is told to unmount once in either case",
    source: 'drydock',
  },
  docker_volume_explicit_create: {
    kind: 'bool',
    default: 'false',
    help: 'Fail a task whose volume its driver does not know, in place of having the driver make one, which may be empty and of a misspelt name',
    source: 'drydock',
  },
  docker_volume_client: {
    kind: 'string',
    default: 'dvdcli',
    check: (value) => (value === 'dvdcli' || value === 'plugin' ? undefined : 'Expecting one of dvdcli, plugin'),
    help: "Who talks to volume drivers: 'dvdcli', a process per call, or 'plugin', the agent itself, which is faster",
    source: 'drydock',
  },
  dvdcli: {
    kind: 'string',
    check: absolute,
    help: 'Path of dvdcli; default: the one in PATH when the agent starts',
    source: 'drydock',
  },
  sandbox_directory: {
    kind: 'string',
    default: '/mnt/mesos/sandbox',
    check: absolute,
    help: 'Where a container with an image sees its sandbox',
    source: 'slave/flags.cpp: sandbox_directory',
  },
  executor_environment_variables: {
    kind: 'json',
    help: 'JSON object of strings: the environment of every executor and its task',
    source: 'slave/flags.cpp: executor_environment_variables',
  },
  switch_user: {
    kind: 'bool',
    default: 'true',
    help: "Run tasks as their user; otherwise as the agent's",
    source: 'slave/flags.cpp: switch_user',
  },
  recover: {
    kind: 'string',
    default: 'reconnect',
    check: (value) =>
      value === 'reconnect' || value === 'cleanup' ? undefined : 'Expecting one of reconnect, cleanup',
    help: "What becomes of containers of an earlier agent: 'reconnect' takes over those of frameworks with checkpoint, 'cleanup' ends all and then the agent",
    source: 'slave/flags.cpp: recover',
  },
  strict: {
    kind: 'bool',
    default: 'true',
    help: 'Do not start when a part of what an earlier agent has written down cannot be read; otherwise leave that out',
    source: 'slave/flags.cpp: strict',
  },
  recovery_timeout: {
    kind: 'duration',
    default: '15mins',
    help: 'For how long containers may be without an agent; one that comes back later ends them',
    source: 'slave/flags.cpp: recovery_timeout',
  },
  executor_registration_timeout: {
    kind: 'duration',
    default: '1mins',
    help: 'From the launch of a custom executor to its first SUBSCRIBE',
    source: 'slave/flags.cpp: executor_registration_timeout',
  },
  executor_reregistration_timeout: {
    kind: 'duration',
    default: '2secs',
    check: (value) => ((parseDurationMs(value) ?? 0) <= 15_000 ? undefined : 'Expecting at most 15secs'),
    help: 'From the start of the agent to the SUBSCRIBE of a custom executor that an earlier one has left',
    source: 'slave/flags.cpp: executor_reregistration_timeout',
  },
  executor_shutdown_grace_period: {
    kind: 'duration',
    default: '5secs',
    help: 'From a shutdown to SIGKILL',
    source: 'slave/flags.cpp: executor_shutdown_grace_period',
  },
  max_completed_executors_per_framework: {
    kind: 'int',
    default: '150',
    check: checkCount,
    help: 'How many ended executors, each with its tasks, /state shows per framework',
    source: 'slave/flags.cpp: max_completed_executors_per_framework',
  },
  cgroups_root: {
    kind: 'string',
    default: 'mesos',
    help: 'Name of the control group above those of the containers',
    source: 'slave/flags.cpp: cgroups_root',
  },
  container_runtime: {
    kind: 'string',
    default: 'runc',
    help: 'OCI runtime, a name in PATH or a path',
    source: 'drydock',
  },
});
