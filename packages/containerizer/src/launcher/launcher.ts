/**
 * Starts containers through an OCI runtime under the shim (`shim.sh`).
 *
 * One container has one directory with: `config.json` (the bundle), `container.pid` (written by the runtime; it exists
 * iff the command really started), `runtime.log`, `shim.err`, `exit` (written last, by the shim), `pid` and `shim` (who
 * the shim is). A container that shares the machine with a dead agent goes on: its shim is in a session of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { run } from '@drydock/base/subprocess';
import { WaitTimedOutError, waitUntil } from '@drydock/base/wait-until';
import { removeCgroups, type Cgroups } from './cgroups.ts';
import { ContainerProcess } from './container-process.ts';
import { assertSafeConfig, type OciConfig } from './oci-config.ts';
import { identify, parseShimIdentity } from './shim-identity.ts';

const SHIM = fileURLToPath(new URL('shim.sh', import.meta.url));

/** The supervisor of a container could not be started. */
export class ForkFailedError extends DomainError<'FORK_FAILED'> {
  readonly code = 'FORK_FAILED';
}

/** An overlay that the shim mounts in its own mount namespace; paths in `options` are relative to `linksDirectory`. */
export interface OverlayMount {
  readonly linksDirectory: string;
  readonly options: string;
  readonly target: string;
}

export interface LaunchSpec {
  /** Names the container to the runtime; no `/`. */
  readonly runtimeId: string;
  /** The container's runtime directory; exists. */
  readonly directory: string;
  readonly config: OciConfig;
  readonly overlay?: OverlayMount;
  readonly stdoutPath: string;
  readonly stderrPath: string;
  /** Printed to the container's stdout when the gate opens. */
  readonly announcement?: string;
}

export interface LauncherOptions {
  /** The runtime's name or path. */
  readonly runtime: string;
  /** Where the runtime keeps its state. */
  readonly runtimeStateDirectory: string;
  /** Absent: no limits, the runtime is told to do without control groups. */
  readonly cgroups?: Cgroups;
  readonly logger: Logger;
}

/** Files of a container's runtime directory. @see src/slave/containerizer/mesos/paths.hpp */
const FILES = {
  bundle: 'config.json',
  containerPid: 'container.pid',
  exit: 'exit',
  pid: 'pid',
  shim: 'shim',
} as const;

/** A runtime call is a matter of milliseconds; one that hangs is ended. */
const RUNTIME_CALL_MS_MAX = 10_000;
const ORPHAN_MS_MAX = 15_000;

export class Launcher {
  readonly #options: LauncherOptions;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  get #runtimeArgv(): [string, ...string[]] {
    const { runtime, runtimeStateDirectory, cgroups } = this.#options;
    // `--rootless=true` makes the runtime go on where it cannot make control groups.
    return [runtime, '--root', runtimeStateDirectory, ...(cgroups === undefined ? ['--rootless=true'] : [])];
  }

  /**
   * Writes the bundle and forks the shim, which waits at the gate; nothing of the container has run when this resolves.
   * @throws ForkFailedError
   */
  async fork(spec: LaunchSpec): Promise<ContainerProcess> {
    assertSafeConfig(spec.config);
    const { directory, overlay } = spec;
    await Promise.all([FILES.containerPid, FILES.exit].map((name) => rm(join(directory, name), { force: true })));
    await writeFile(join(directory, FILES.bundle), JSON.stringify(spec.config, undefined, 2));
    const child = await this.#spawn(spec, [
      ...(overlay === undefined ? [] : ['unshare', '--mount', '--propagation', 'slave']),
      '/bin/sh',
      SHIM,
      directory,
      overlay?.linksDirectory ?? '',
      overlay?.options ?? '',
      overlay?.target ?? '',
      this.#options.cgroups?.oomCounterOf(spec.runtimeId) ?? '',
      spec.runtimeId,
      spec.announcement ?? '',
      ...this.#runtimeArgv,
    ]);
    const { cgroups, logger } = this.#options;
    const forked = new ContainerProcess({
      child,
      directory,
      runtimeArgv: this.#runtimeArgv,
      runtimeId: spec.runtimeId,
      logger,
      removeLeftovers: async () => {
        if (cgroups !== undefined) await removeCgroups(cgroups, spec.runtimeId);
      },
    });
    try {
      const identity = await identify(forked.pid);
      await writeFileAtomic(join(directory, FILES.pid), `${forked.pid}`);
      await writeFileAtomic(join(directory, FILES.shim), JSON.stringify(identity ?? { pid: forked.pid }));
    } catch (error) {
      await forked.kill();
      throw new ForkFailedError(`Failed to checkpoint the pid of the container: ${messageOf(error)}`, { cause: error });
    }
    return forked;
  }

  /**
   * Ends the container of an agent that is gone, whatever state it is in, and removes what the runtime keeps of it. One
   * that still waited at the gate has ended by itself: the gate's other end died with the agent.
   */
  async endOrphan(runtimeId: string, directory: string): Promise<void> {
    const { cgroups, logger } = this.#options;
    const shim = parseShimIdentity((await readTextIfThere(join(directory, FILES.shim))) ?? '');
    const hasEnded = async (): Promise<boolean> =>
      shim === undefined || (await identify(shim.pid))?.startTicks !== shim.startTicks;
    try {
      await waitUntil(
        async () => {
          if (await hasEnded()) return true;
          await run([...this.#runtimeArgv, 'kill', runtimeId, 'KILL'], { timeoutMs: RUNTIME_CALL_MS_MAX });
          return await hasEnded();
        },
        { what: `the container ${runtimeId} to end`, timeoutMs: ORPHAN_MS_MAX, intervalMs: 50 },
      );
    } catch (error) {
      if (!(error instanceof WaitTimedOutError) || shim === undefined) throw error;
      logger.warning('The container of an earlier agent does not end, killing its shim', { containerId: runtimeId });
      killGroup(shim.pid);
    }
    await run([...this.#runtimeArgv, 'delete', '-f', runtimeId], { timeoutMs: RUNTIME_CALL_MS_MAX });
    if (cgroups !== undefined) await removeCgroups(cgroups, runtimeId);
  }

  async #spawn(spec: LaunchSpec, argv: readonly string[]): Promise<ChildProcess> {
    const [file = '', ...args] = argv;
    try {
      await using stdout = await open(spec.stdoutPath, 'a', 0o644);
      await using stderr = await open(spec.stderrPath, 'a', 0o644);
      // Its own session: neither a terminal's signals nor the end of the agent reach the container. cwd `/` exists in
      // every mount namespace, which the runtime needs.
      const child = spawn(file, args, { cwd: '/', detached: true, stdio: ['pipe', stdout.fd, stderr.fd] });
      await once(child, 'spawn');
      return child;
    } catch (error) {
      throw new ForkFailedError(`Failed to fork the container's shim: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** The pid is a shim's: its start time was compared. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error;
  }
}
