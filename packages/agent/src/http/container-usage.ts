/**
 * What a container has used, read from its control groups under either version of them. What cannot be read is left out.
 * @see src/slave/containerizer/mesos/isolators/cgroups/subsystems/{cpuacct,memory}.cpp
 */
import { join } from 'node:path';
import { readTextIfThere } from '@drydock/base/read-if-there';

/** Ticks of `cpuacct.stat`: USER_HZ, which Linux shows to every program as 100. */
const TICKS_PER_SECOND = 100;
const MICROSECONDS_PER_SECOND = 1_000_000;

/**
 * Fields of upstream's ResourceStatistics, in seconds and bytes, of the container's `group`, e.g. `mesos/<container id>`,
 * in the hierarchies that are mounted below `mountRoot`.
 */
export async function containerUsage(mountRoot: string, group: string): Promise<Record<string, number>> {
  const read = async (...path: readonly string[]): Promise<string | undefined> =>
    // ENODEV: the group was removed while it was read.
    await readTextIfThere(join(mountRoot, ...path), ['ENODEV']);
  const [ticks, memory, memoryTotal, unifiedCpu, unifiedMemory, unifiedMemoryTotal] = await Promise.all([
    read('cpuacct', group, 'cpuacct.stat'),
    read('memory', group, 'memory.stat'),
    read('memory', group, 'memory.usage_in_bytes'),
    read(group, 'cpu.stat'),
    read(group, 'memory.stat'),
    read(group, 'memory.current'),
  ]);
  return Object.fromEntries(
    [
      ['cpus_user_time_secs', valueIn(ticks, 'user', TICKS_PER_SECOND)],
      ['cpus_system_time_secs', valueIn(ticks, 'system', TICKS_PER_SECOND)],
      ['mem_rss_bytes', valueIn(memory, 'total_rss')],
      ['mem_file_bytes', valueIn(memory, 'total_cache')],
      ['mem_total_bytes', toNumber(memoryTotal)],
      ['cpus_user_time_secs', valueIn(unifiedCpu, 'user_usec', MICROSECONDS_PER_SECOND)],
      ['cpus_system_time_secs', valueIn(unifiedCpu, 'system_usec', MICROSECONDS_PER_SECOND)],
      ['mem_rss_bytes', valueIn(unifiedMemory, 'anon')],
      ['mem_file_bytes', valueIn(unifiedMemory, 'file')],
      ['mem_total_bytes', toNumber(unifiedMemoryTotal)],
    ].filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

/** Of a line `<name> <value>`. */
function valueIn(text: string | undefined, name: string, divisor = 1): number | undefined {
  const line = text?.split('\n').find((one) => one.startsWith(`${name} `));
  const value = toNumber(line?.slice(name.length));
  return value === undefined ? undefined : value / divisor;
}

function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d+\s*$/.test(text) ? Number(text) : undefined;
}
