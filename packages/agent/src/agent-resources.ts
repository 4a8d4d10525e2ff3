import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { parseResources, type Resource } from '@drydock/mesos';

const MEBIBYTE = 1024 * 1024;

/**
 * What the agent offers: `--resources`, and for each of cpus, mem, disk and ports that it does not name, what the machine
 * has, with upstream's reserves.
 * @see src/slave/containerizer/containerizer.cpp Containerizer::resources
 */
export async function agentResources(flag: string | undefined, workDir: string): Promise<readonly Resource[]> {
  const given = flag === undefined ? [] : parseResources(flag);
  const detected: Readonly<Record<string, () => Promise<string>>> = {
    cpus: async () => await Promise.resolve(`${availableParallelism()}`),
    mem: async () => await Promise.resolve(`${withoutReserve(totalmem() / MEBIBYTE, 2_048, 1_024)}`),
    disk: async () => {
      const { blocks, bsize } = await statfs(workDir);
      return `${withoutReserve((blocks * bsize) / MEBIBYTE, 10_240, 5_120)}`;
    },
    ports: async () => await Promise.resolve('[31000-32000]'),
  };
  const missing = Object.entries(detected).filter(([name]) => !given.some((resource) => resource.name === name));
  const texts = await Promise.all(missing.map(async ([name, detect]) => `${name}:${await detect()}`));
  return [...given, ...parseResources(texts.join(';'))];
}

/** A machine with more than `threshold` keeps `reserve` for itself, a smaller one half of what it has. */
function withoutReserve(amount: number, threshold: number, reserve: number): number {
  return Math.floor(amount > threshold ? amount - reserve : amount / 2);
}
