import { isAbsolute } from 'node:path';
import { defineFlags } from '@drydock/base/gflags';
import { logFlags } from '../log-file.ts';

/** The master's flags. @see src/master/flags.cpp */
export const masterFlags = defineFlags({
  ...logFlags,
  work_dir: {
    kind: 'string',
    required: true,
    check: (value) => (isAbsolute(value) ? undefined : 'Expecting an absolute path'),
    help: 'Where the master keeps its files, an absolute path',
    source: 'master/flags.cpp: work_dir',
  },
  ip: {
    kind: 'string',
    default: '127.0.0.1',
    help: 'Address to listen on; upstream listens on all',
    source: 'master/main.cpp: ip',
  },
  port: {
    kind: 'int',
    default: '5050',
    check: (value) => (/^\d+$/.test(value) && Number(value) <= 65_535 ? undefined : 'Expecting a port from 0 to 65535'),
    help: 'Port to listen on, 0 for any free one',
    source: 'master/main.cpp: port',
  },
  hostname: {
    kind: 'string',
    help: 'The name that frameworks and browsers use; default: the address',
    source: 'master/flags.cpp: hostname',
  },
  cluster: { kind: 'string', help: 'Name of the cluster, shown in /state', source: 'master/flags.cpp: cluster' },
  registry: {
    kind: 'string',
    default: 'in_memory',
    check: (value) => (value === 'in_memory' ? undefined : "Expecting 'in_memory', the only registry here"),
    help: 'Where registered agents are remembered; upstream: replicated_log',
    source: 'master/flags.cpp: registry',
  },
  allocation_interval: {
    kind: 'duration',
    default: '1secs',
    help: 'Between two allocations that no event asked for',
    source: 'master/flags.cpp: allocation_interval',
  },
  max_completed_frameworks: {
    kind: 'int',
    default: '50',
    help: 'How many ended frameworks /state shows',
    source: 'master/flags.cpp: max_completed_frameworks',
  },
  max_completed_tasks_per_framework: {
    kind: 'int',
    default: '1000',
    help: 'How many ended tasks /state shows per framework',
    source: 'master/flags.cpp: max_completed_tasks_per_framework',
  },
});
