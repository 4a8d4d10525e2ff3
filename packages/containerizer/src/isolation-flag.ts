/**
 * Reads `--isolation` and `--image_providers`: pure checks with upstream's texts, and the fixed order in which isolators
 * prepare a container, whatever the order in the flag.
 * @see src/slave/containerizer/mesos/containerizer.cpp MesosContainerizer::create
 */

/** Every isolator that exists here, in the order of upstream's table. */
const ISOLATOR_ORDER = [
  'filesystem/posix',
  'filesystem/linux',
  'posix/cpu',
  'posix/mem',
  'cgroups/cpu',
  'cgroups/mem',
  'docker/runtime',
  'docker/volume',
] as const;

export type IsolatorName = (typeof ISOLATOR_ORDER)[number];

export interface Isolation {
  /** In the order in which they prepare; clean-up is the reverse. */
  readonly isolators: readonly IsolatorName[];
  readonly hasDockerImages: boolean;
  /** For the log: what the flag says that is accepted but out of date. */
  readonly deprecations: readonly string[];
}

/** `cgroups` and `process` were names of sets. */
const ALIASES: Readonly<Record<string, string>> = {
  process: 'posix/cpu,posix/mem',
  cgroups: 'cgroups/cpu,cgroups/mem',
};

/** The isolators that the flags ask for, or the reason why they cannot be had. */
export function parseIsolation(
  isolation: string,
  imageProviders: string | undefined,
): Isolation | { readonly problem: string } {
  const deprecations: string[] = [];
  const alias = Object.hasOwn(ALIASES, isolation) ? ALIASES[isolation] : undefined;
  if (alias !== undefined) deprecations.push(`The '${isolation}' isolation flag is deprecated, use '${alias}' instead`);
  const names = (alias ?? isolation)
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (new Set(names).size !== names.length)
    return { problem: `Duplicate entries found in --isolation flag '${isolation}'` };
  const filesystems = names.filter((name) => name.startsWith('filesystem/'));
  if (filesystems.length > 1) return { problem: 'Using multiple filesystem isolators simultaneously is disallowed' };
  const wanted = new Set(filesystems.length === 0 ? [...names, 'filesystem/posix'] : names);
  const providers = (imageProviders ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  for (const provider of providers) {
    if (provider.toLowerCase() !== 'docker') return { problem: `Unknown or unsupported image provider '${provider}'` };
  }
  if (providers.length > 0 && !wanted.has('filesystem/linux')) {
    return { problem: "The 'filesystem/linux' isolator must be enabled for container image support" };
  }
  const isolators = ISOLATOR_ORDER.filter((name) => wanted.delete(name));
  const [unknown] = wanted;
  if (unknown !== undefined) return { problem: `Unknown or unsupported isolator '${unknown}'` };
  // DEVIATION: upstream starts, and then fails every task that has a volume.
  if (isolators.includes('docker/volume') && !isolators.includes('filesystem/linux')) {
    return { problem: "The 'docker/volume' isolator requires the 'filesystem/linux' isolator" };
  }
  return { isolators, hasDockerImages: providers.length > 0, deprecations };
}
