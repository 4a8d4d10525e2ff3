/** Deliberate faults in the docker/volume isolator: each replaces one text of one file of `packages/isolator/src`. */
export interface Mutant {
  readonly name: string;
  /** Below `packages/isolator/src/docker-volume`. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly find: string;
  readonly replace: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'skips the fsync of the checkpoint directory',
    file: 'volume-checkpoint.ts',
    find: 'await this.#files.syncDirectory(dirname(directory));',
    replace: '',
  },
  {
    name: 'writes no checkpoint before it mounts',
    file: 'docker-volume-isolator.ts',
    find: 'await this.#checkpoints.create(containerId, volumes.map(toMounting));',
    replace: '',
  },
  {
    name: 'does not say in the checkpoint that it mounted',
    file: 'docker-volume-isolator.ts',
    find: "phase: 'mounted', ...(at === undefined ? {} : { at }) };",
    replace: "phase: 'mounting' };",
  },
  {
    name: 'swaps the checkpoint and the claim',
    file: 'docker-volume-isolator.ts',
    find: 'await this.#claim(containerId, volumes);\n',
    replace: 'this.#records.add(containerId, volumes);\n',
  },
  {
    name: 'removes the checkpoint while an unmount is under way',
    file: 'volume-releases.ts',
    find: 'if (volume !== undefined && volume.holders.size === 0) return;',
    replace: '',
  },
  {
    name: 'unmounts while others hold the volume',
    file: 'volume-in-use.ts',
    find: "return volume.holders.size === 0 && (volume.state === 'mounted' || volume.state === 'uncertain');",
    replace: "return volume.holders.size <= 1 && (volume.state === 'mounted' || volume.state === 'uncertain');",
  },
  {
    name: 'never unmounts what is uncertain',
    file: 'volume-in-use.ts',
    find: "return volume.holders.size === 0 && (volume.state === 'mounted' || volume.state === 'uncertain');",
    replace: "return volume.holders.size === 0 && volume.state === 'mounted';",
  },
  {
    name: 'forgets a volume when any holder leaves before its mount',
    file: 'volume-in-use.ts',
    find: "return volume.state === 'mounting' && holders.size === 0 ? undefined : { ...volume, holders };",
    replace: "return volume.state === 'mounting' ? undefined : { ...volume, holders };",
  },
  {
    name: 'forgets who waits when a volume is unmounted',
    file: 'volume-in-use.ts',
    find: "return holders.size === 0 ? undefined : { state: 'mounting', holders, options, mayMountLate };",
    replace: 'return undefined;',
  },
  {
    name: 'forgets that a driver may mount late',
    file: 'volume-operations.ts',
    find: 'if (next === undefined && before?.mayMountLate === true) this.#options.onLateMountPossible(key);',
    replace: '',
  },
  {
    name: 'takes a mount without an answer for a refused one',
    file: 'volume-operations.ts',
    find: "if (outcome === 'unclear') return this.#apply(key, { event: 'unclear', reason: messageOf(error) });",
    replace: '',
  },
  {
    name: 'does not ask a driver that refused whether it has mounted',
    file: 'volume-operations.ts',
    find: "if (outcome === 'rejected' && !isOthers) {",
    replace: 'if (false as boolean) {',
  },
  {
    name: 'gives out an uncertain volume without settling it',
    file: 'volume-operations.ts',
    find: "if (this.#require(key).state === 'uncertain') await this.#settle(key, signal);",
    replace: "if (this.#require(key).state === 'uncertain') this.#apply(key, { event: 'absent' });",
  },
  {
    name: 'believes that an unmount without an answer did not happen',
    file: 'volume-in-use.ts',
    find: "if (!isClear) return 'unmount';",
    replace: '',
  },
  {
    name: 'does not take one call after the other',
    file: 'volume-operations.ts',
    find: 'return await this.#sequencer.run(volumeId(key), mounting, { signal });',
    replace: 'return await mounting();',
  },
  {
    name: 'forgets to await the unmount',
    file: 'volume-releases.ts',
    find: 'await this.#options.operations.unmount(key, signal);\n    // Who',
    replace: 'void this.#options.operations.unmount(key, signal).catch(() => undefined);\n    // Who',
  },
  {
    name: 'gives up on a volume that was mounted for certain',
    file: 'volume-in-use.ts',
    find: "if (volume.state !== 'uncertain' || volume.at !== undefined) return false;",
    replace:
      "if (volume.state === 'uncertain' && volume.at !== undefined) return true;\n  if (volume.state !== 'uncertain') return false;",
  },
  {
    name: 'gives up on a volume whose driver was not asked',
    file: 'volume-operations.ts',
    find: "return error instanceof DriverCallError && error.outcome === 'rejected';",
    replace: 'return error instanceof DriverCallError;',
  },
  {
    name: 'forgets a late mount when a volume is claimed again',
    file: 'volume-in-use.ts',
    find: 'mayMountLate: volume.mayMountLate || mayMountLate,',
    replace: '',
  },
  {
    name: 'does not try a failed unmount again',
    file: 'volume-releases.ts',
    find: 'this.#retryUnmount(key, error);\n      throw error;',
    replace: 'throw error;',
  },
  {
    name: 'gives up after the first failed retry',
    file: 'retries.ts',
    find: 'if (before === undefined || signal.aborted) return;',
    replace: 'return;',
  },
  {
    name: 'waits for a slow driver for ever',
    file: 'volume-releases.ts',
    find: 'if (!isLate) return;',
    replace: 'if (isLate) await unmounting;\n    if (!isLate) return;',
  },
  {
    name: 'ignores containers that only a checkpoint knows',
    file: 'recovery-plan.ts',
    find: 'unknown.push(id);',
    replace: '',
  },
  {
    name: 'does not count orphans',
    file: 'recovery-plan.ts',
    find: 'containers.push({ id, volumes: checkpoint.volumes });\n    bootIds.set(containerKey(id), checkpoint.bootId);\n  }\n  const unknown',
    replace: 'bootIds.set(containerKey(id), checkpoint.bootId);\n  }\n  const unknown',
  },
  {
    name: 'takes an older boot for this one',
    file: 'recovery-plan.ts',
    find: 'return recorded !== undefined && recorded !== current;',
    replace: 'return false;',
  },
  {
    name: 'trusts what is mounted before it counts running containers',
    file: 'recovery-plan.ts',
    find: "if (user !== undefined) return [{ key, volume: { state: 'mounted', at, holders, options, mayMountLate } }];",
    replace: '',
  },
  {
    name: 'cleans up after parents before their children',
    file: '../deepest-first.ts',
    find: '[...byDepth.keys()].toSorted((a, b) => b - a)',
    replace: '[...byDepth.keys()].toSorted((a, b) => a - b)',
  },
  {
    name: 'lets a parent go before its children',
    file: 'docker-volume-isolator.ts',
    find: 'if (child !== undefined) {',
    replace: 'if (false as boolean) {',
  },
  {
    name: 'counts every container for a driver that counts',
    file: 'volume-operations.ts',
    find: "if (this.#options.counting === 'per_container' || volume.state !== 'mounted' || volume.at === undefined) {",
    replace: 'if (volume.state !== undefined) {',
  },
  {
    name: 'shares a mount that is gone',
    file: 'volume-operations.ts',
    find: 'return isThere ? volume.at : undefined;',
    replace: 'return volume.at;',
  },
  {
    name: 'binds any mountpoint',
    file: 'mountpoint.ts',
    find: 'if (isForeign(real)) {',
    replace: 'if (false as boolean) {',
  },
  {
    name: 'follows links in the sandbox',
    file: 'mount-target.ts',
    find: 'if (real !== made) fail(`${made} is a link to ${real}`);',
    replace: 'made = real;',
  },
  {
    name: 'lets options conflict',
    file: 'volume-in-use.ts',
    find: 'return options.find(({ key, value }) => !given.has(`${key}\\n${value}`));',
    replace: 'return given.size < 0 ? options[0] : undefined;',
  },
];
