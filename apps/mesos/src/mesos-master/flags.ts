import { isAbsolute } from 'node:path';
import { defineFlags, parseDurationMs } from '@drydock/base/gflags';
import { addressFlags } from '../advertised-address.ts';
import { checkCount, checkIp, checkNotZero } from '../flag-checks.ts';
import { logFlags } from '../log-file.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** What is no duration at all is refused for that. */
function within(value: string, minMs: number, maxMs: number, why: string): string | undefined {
  const ms = parseDurationMs(value);
  return ms === undefined || (ms >= minMs && ms <= maxMs) ? undefined : why;
}

/** The master's flags. @see src/master/flags.cpp */
export const masterFlags = defineFlags({
  ...logFlags,
  ...addressFlags,
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
    check: checkIp,
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
    check: (value) => within(value, 1, Infinity, 'Expected it to be at least 1ms'),
    help: 'Between two allocations that no event asked for',
    source: 'master/flags.cpp: allocation_interval',
  },
  offer_timeout: {
    kind: 'duration',
    // DEVIATION: upstream takes 0, and rescinds each offer as soon as it has made it.
    check: checkNotZero,
    help: 'After which an offer that nobody answers is rescinded; default: never',
    source: 'master/flags.cpp: offer_timeout',
  },
  agent_ping_timeout: {
    kind: 'duration',
    default: '15secs',
    check: (value) => within(value, SECOND_MS, 15 * MINUTE_MS, 'Expected it to be between 1secs and 15mins'),
    help: 'Within which an agent is expected to answer a ping',
    source: 'master/flags.cpp: agent_ping_timeout',
  },
  max_agent_ping_timeouts: {
    kind: 'int',
    default: '5',
    check: (value) => (Number(value) >= 1 ? undefined : 'Expected it to be at least 1'),
    help: 'Pings in a row without an answer after which an agent is unreachable',
    source: 'master/flags.cpp: max_agent_ping_timeouts',
  },
  agent_reregister_timeout: {
    kind: 'duration',
    default: '10mins',
    check: (value) => within(value, 10 * MINUTE_MS, Infinity, 'Must be at least 10mins'),
    help: 'Within which a disconnected agent is expected to register again',
    source: 'master/flags.cpp: agent_reregister_timeout',
  },
  roles: {
    kind: 'string',
    help: 'The only roles that frameworks may have, separated by commas; default: any',
    source: 'master/flags.cpp: roles',
  },
  root_submissions: {
    kind: 'bool',
    default: 'true',
    help: 'Frameworks may run as root',
    source: 'master/flags.cpp: root_submissions',
  },
  max_unreachable_tasks_per_framework: {
    kind: 'int',
    default: '1000',
    check: checkCount,
    help: 'How many tasks of unreachable agents are remembered per framework',
    source: 'master/flags.cpp: max_unreachable_tasks_per_framework',
  },
  max_completed_frameworks: {
    kind: 'int',
    default: '50',
    check: checkCount,
    help: 'How many ended frameworks /state shows',
    source: 'master/flags.cpp: max_completed_frameworks',
  },
  max_completed_tasks_per_framework: {
    kind: 'int',
    default: '1000',
    check: checkCount,
    help: 'How many ended tasks /state shows per framework',
    source: 'master/flags.cpp: max_completed_tasks_per_framework',
  },
});
