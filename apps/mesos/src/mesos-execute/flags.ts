import { defineFlags, type FlagSpec } from '@drydock/base/gflags';

/** A flag of upstream's that would change the task and is not implemented: giving it is an error. */
function unsupported<const K extends 'string' | 'bool'>(kind: K, name: string): FlagSpec & { readonly kind: K } {
  return {
    kind,
    check: (value) => (kind === 'bool' && (value === 'false' || value === '0') ? undefined : 'Not supported'),
    help: 'Not supported',
    source: `cli/execute.cpp: ${name}`,
  };
}

/** The flags of mesos-execute. @see src/cli/execute.cpp Flags */
export const executeFlags = defineFlags({
  master: {
    kind: 'string',
    required: true,
    help: 'Where the master is, host:port',
    source: 'cli/execute.cpp: master',
  },
  name: { kind: 'string', help: 'Name and id of the task', source: 'cli/execute.cpp: name' },
  shell: {
    kind: 'bool',
    default: 'true',
    help: "Run --command with a shell; otherwise run the image's entrypoint",
    source: 'cli/execute.cpp: shell',
  },
  command: { kind: 'string', help: 'Shell command to run', source: 'cli/execute.cpp: command' },
  env: {
    kind: 'string',
    help: 'JSON object of strings, or the file that has it: environment of the command',
    source: 'cli/execute.cpp: env',
  },
  resources: {
    kind: 'string',
    default: 'cpus:1;mem:128',
    help: 'What the task needs',
    source: 'cli/execute.cpp: resources',
  },
  checkpoint: {
    kind: 'bool',
    default: 'false',
    help: 'Let the task survive a restart of its agent',
    source: 'cli/execute.cpp: checkpoint',
  },
  docker_image: {
    kind: 'string',
    help: 'Docker image to run the command in, e.g. ubuntu:14.04',
    source: 'cli/execute.cpp: docker_image',
  },
  volumes: {
    kind: 'string',
    help: 'JSON array of volumes, or the file that has it (a path or file:///path)',
    source: 'cli/execute.cpp: volumes',
  },
  containerizer: {
    kind: 'string',
    default: 'mesos',
    check: (value) => {
      if (value === 'mesos') return undefined;
      return value === 'docker' ? 'Not supported' : `Unsupported containerizer: ${value}`;
    },
    help: 'mesos, the only containerizer here',
    source: 'cli/execute.cpp: containerizer',
  },
  role: { kind: 'string', default: '*', help: 'Role of the framework', source: 'cli/execute.cpp: role' },
  principal: { kind: 'string', help: 'Principal of the framework', source: 'cli/execute.cpp: principal' },
  kill_after: {
    kind: 'duration',
    help: 'Kill the task so long after it began to run, e.g. 10secs',
    source: 'cli/execute.cpp: kill_after',
  },
  content_type: {
    kind: 'string',
    default: 'protobuf',
    help: 'How to talk to the master: json, protobuf, or the full media type',
    source: 'cli/execute.cpp: content_type',
  },
  partition_aware: {
    kind: 'bool',
    default: 'true',
    help: 'Understand the task states of partitioned agents',
    source: 'cli/execute.cpp: partition_aware',
  },
  appc_image: unsupported('string', 'appc_image'),
  bounding_capabilities: unsupported('string', 'bounding_capabilities'),
  effective_capabilities: unsupported('string', 'effective_capabilities'),
  framework_capabilities: unsupported('string', 'framework_capabilities'),
  hadoop: unsupported('string', 'hadoop'),
  hdfs: unsupported('string', 'hdfs'),
  networks: unsupported('string', 'networks'),
  overwrite: unsupported('bool', 'overwrite'),
  package: unsupported('string', 'package'),
  rlimits: unsupported('string', 'rlimits'),
  secret: unsupported('string', 'secret'),
  task: unsupported('string', 'task'),
  task_group: unsupported('string', 'task_group'),
  tty: unsupported('bool', 'tty'),
});
