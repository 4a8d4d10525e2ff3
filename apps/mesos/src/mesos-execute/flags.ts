import { defineFlags } from '@drydock/base/gflags';

/** The flags of mesos-execute. @see src/cli/execute.cpp Flags */
export const executeFlags = defineFlags({
  master: {
    kind: 'string',
    required: true,
    help: 'Where the master is, host:port',
    source: 'cli/execute.cpp: master',
  },
  task: {
    kind: 'string',
    help: 'JSON of a TaskInfo, or the file that has it; agent_id may be left out. In place of the flags that make a task',
    source: 'cli/execute.cpp: task',
  },
  task_group: {
    kind: 'string',
    help: 'JSON of a TaskGroupInfo, or the file that has it: tasks that start and end together; their agent_id may be left out',
    source: 'cli/execute.cpp: task_group',
  },
  name: { kind: 'string', help: 'Name and id of the task', source: 'cli/execute.cpp: name' },
  shell: {
    kind: 'bool',
    default: 'true',
    help: "Run --command with a shell; otherwise run the image's entrypoint, and --command has no effect",
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
    help: 'What the task needs: cpus in cores, mem and disk in megabytes',
    source: 'cli/execute.cpp: resources',
  },
  hadoop: {
    kind: 'string',
    default: 'hadoop',
    help: "The hadoop script for --package; has no effect, because --package isn't supported",
    source: 'cli/execute.cpp: hadoop',
  },
  hdfs: {
    kind: 'string',
    default: 'localhost:9000',
    help: "ip:port of the NameNode for --package; has no effect, because --package isn't supported",
    source: 'cli/execute.cpp: hdfs',
  },
  package: {
    kind: 'string',
    help: 'Not supported: file to upload into HDFS for the command',
    source: 'cli/execute.cpp: package',
  },
  overwrite: {
    kind: 'bool',
    default: 'false',
    help: "Overwrite the package; has no effect, because --package isn't supported",
    source: 'cli/execute.cpp: overwrite',
  },
  checkpoint: {
    kind: 'bool',
    default: 'false',
    help: 'Let the task survive a restart of its agent',
    source: 'cli/execute.cpp: checkpoint',
  },
  appc_image: {
    kind: 'string',
    help: 'Appc image; sent as given, the master here refuses the task',
    source: 'cli/execute.cpp: appc_image',
  },
  docker_image: {
    kind: 'string',
    help: 'Docker image to run the command in, e.g. ubuntu:14.04',
    source: 'cli/execute.cpp: docker_image',
  },
  framework_capabilities: {
    kind: 'string',
    help: 'Further capabilities of the framework, separated by commas: GPU_RESOURCES',
    source: 'cli/execute.cpp: framework_capabilities',
  },
  containerizer: {
    kind: 'string',
    default: 'mesos',
    help: 'mesos, or docker, which is sent as given and refused by the master here',
    source: 'cli/execute.cpp: containerizer',
  },
  effective_capabilities: {
    kind: 'string',
    help: 'JSON of a CapabilityInfo, e.g. {"capabilities":["NET_RAW"]}; sent as given, the master here refuses the task',
    source: 'cli/execute.cpp: effective_capabilities',
  },
  bounding_capabilities: {
    kind: 'string',
    help: 'JSON of a CapabilityInfo, as above; sent as given, the master here refuses the task',
    source: 'cli/execute.cpp: bounding_capabilities',
  },
  rlimits: {
    kind: 'string',
    help: 'JSON of an RLimitInfo, e.g. {"rlimits":[{"type":"RLMT_CPU","soft":"1","hard":"1"}]}; sent as given, the master here refuses the task',
    source: 'cli/execute.cpp: rlimits',
  },
  role: { kind: 'string', default: '*', help: 'Role of the framework', source: 'cli/execute.cpp: role' },
  kill_after: {
    kind: 'duration',
    help: 'Kill the task so long after it began to run, e.g. 10secs, 2mins',
    source: 'cli/execute.cpp: kill_after',
  },
  networks: {
    kind: 'string',
    help: 'Networks to join, separated by commas; sent as given, the master here refuses the task',
    source: 'cli/execute.cpp: networks',
  },
  principal: { kind: 'string', help: 'Principal of the framework', source: 'cli/execute.cpp: principal' },
  secret: {
    kind: 'string',
    help: 'Secret of --principal, sent as HTTP basic authentication; no effect without --principal',
    source: 'cli/execute.cpp: secret',
  },
  volumes: {
    kind: 'string',
    help: 'JSON array of volumes, or the file that has it (a path or file:///path)',
    source: 'cli/execute.cpp: volumes',
  },
  content_type: {
    kind: 'string',
    default: 'protobuf',
    help: 'How to talk to the master: json, protobuf, or the full media type',
    source: 'cli/execute.cpp: content_type',
  },
  tty: {
    kind: 'bool',
    default: 'false',
    help: 'Attach a terminal to the task; sent as given, the master here refuses the task',
    source: 'cli/execute.cpp: tty',
  },
  partition_aware: {
    kind: 'bool',
    default: 'true',
    help: 'Understand the task states of partitioned agents',
    source: 'cli/execute.cpp: partition_aware',
  },
});
