/**
 * Starts containers through an OCI runtime under the shim (`shim.sh`).
 *
 * One container has one directory with: `config.json` (the bundle), `container.pid` (written by the runtime; it exists
 * iff the command really started), `runtime.log`, `shim.err`, `exit` (written last, by the shim), `pid` and `shim` (who
 * the shim is), and the FIFO `alive`, which the shim holds as long as it is there. A container that shares the machine with a dead agent goes on: its shim is in a session of its own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { DomainError, messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import { run, runOrThrow } from '@drydock/base/subprocess';
import { removeCgroups, type Cgroups } from './cgroups.ts';
import { ContainerProcess } from './container-process.ts';
import type { SentSignal } from './container-termination.ts';
import { LAUNCHER_FILES } from './launcher-files.ts';
import { assertSafeConfig, type OciConfig } from './oci-config.ts';
import { identify } from './shim-identity.ts';
import { FoundShim, ForkedShim, type Shim } from './shim.ts';

const SHIM = fileURLToPath(new URL('shim.sh', import.meta.url));

/** The supervisor of a container could not be started. */
export class ForkFailedError extends DomainError<'FORK_FAILED'> {
  readonly code = 'FORK_FAILED';
}

/** What an earlier agent left of a container does not end. */
export class LeftoverError extends DomainError<'LEFTOVER_STAYS'> {
  readonly code = 'LEFTOVER_STAYS';

  constructor(runtimeId: string) {
    super(`The container '${runtimeId}' of an earlier agent did not end within ${ORPHAN_MS_MAX / 1000} s of SIGKILL`);
  }
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

/** A container that an earlier agent forked. */
export interface AttachSpec {
  readonly runtimeId: string;
  /** The container's runtime directory; may be missing. */
  readonly directory: string;
  readonly sentSignals?: Iterable<SentSignal>;
}

export interface AttachedContainer {
  readonly process: ContainerProcess;
  readonly wasAlive: boolean;
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

/** A runtime call is a matter of milliseconds; one that hangs is ended. */
const RUNTIME_CALL_MS_MAX = 10_000;
/** Longer than a kill takes, which kills the shim itself after 15 s and then removes the container. */
const ORPHAN_MS_MAX = 30_000;

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
    const stale = [LAUNCHER_FILES.alive, LAUNCHER_FILES.containerPid, LAUNCHER_FILES.exit, LAUNCHER_FILES.shim];
    await Promise.all(stale.map((name) => rm(join(directory, name), { force: true })));
    await writeFile(join(directory, LAUNCHER_FILES.bundle), JSON.stringify(spec.config, undefined, 2));
    const shim = await this.#spawn(spec, [
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
    const forked = this.#processOf(shim, spec);
    try {
      // One that has ended already is nobody's any more: no process that can be signalled started at 0.
      const identity = await identify(forked.pid);
      await writeFileAtomic(join(directory, LAUNCHER_FILES.pid), `${forked.pid}`);
      await writeFileAtomic(
        join(directory, LAUNCHER_FILES.shim),
        JSON.stringify(identity ?? { pid: forked.pid, startTicks: 0 }),
      );
    } catch (error) {
      await forked.kill();
      throw new ForkFailedError(`Failed to checkpoint the pid of the container: ${messageOf(error)}`, { cause: error });
    }
    return forked;
  }

  /**
   * Takes over a container that an earlier agent forked, alive or gone. Undefined when that agent died before it had
   * written down who the shim is: nothing of such a container has run, and nothing will.
   */
  async attach(spec: AttachSpec): Promise<AttachedContainer | undefined> {
    const shim = await FoundShim.find(spec.directory);
    if (shim.pid === undefined) {
      shim.detach();
      return undefined;
    }
    return { process: this.#processOf(shim, spec), wasAlive: shim.wasAlive };
  }

  /**
   * Ends the container of an agent that is gone, whatever state it is in, and removes what the runtime keeps of it. One
   * that still waited at the gate has ended by itself: the gate's other end died with the agent.
   * @throws LeftoverError when its shim does not end
   */
  async endOrphan(runtimeId: string, directory: string): Promise<void> {
    const { cgroups } = this.#options;
    const shim = await FoundShim.find(directory);
    const isKillable = shim.wasAlive && shim.pid !== undefined;
    const ending = isKillable ? this.#processOf(shim, { runtimeId, directory }).kill() : shim.gone;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new LeftoverError(runtimeId)), ORPHAN_MS_MAX);
    try {
      await Promise.race([ending, late.promise]);
    } finally {
      clearTimeout(timer);
      shim.detach();
    }
    await run([...this.#runtimeArgv, 'delete', '-f', runtimeId], { timeoutMs: RUNTIME_CALL_MS_MAX });
    if (cgroups !== undefined) await removeCgroups(cgroups, runtimeId);
  }

  #processOf(shim: Shim, spec: AttachSpec): ContainerProcess {
    const { cgroups, logger } = this.#options;
    const { runtimeId, directory, sentSignals = [] } = spec;
    return new ContainerProcess({
      shim,
      sentSignals,
      directory,
      runtimeArgv: this.#runtimeArgv,
      runtimeId,
      logger,
      removeLeftovers: async () => {
        if (cgroups !== undefined) await removeCgroups(cgroups, runtimeId);
      },
    });
  }

  async #spawn(spec: LaunchSpec, argv: readonly string[]): Promise<ForkedShim> {
    const [file = '', ...args] = argv;
    const alivePath = join(spec.directory, LAUNCHER_FILES.alive);
    try {
      await runOrThrow(['mkfifo', '-m', '600', alivePath], { timeoutMs: RUNTIME_CALL_MS_MAX });
      // For both directions, or opening it would wait for a reader.
      await using alive = await open(alivePath, 'r+');
      await using stdout = await open(spec.stdoutPath, 'a', 0o644);
      await using stderr = await open(spec.stderrPath, 'a', 0o644);
      // Its own session: neither a terminal's signals nor the end of the agent reach the container. cwd `/` exists in
      // every mount namespace, which the runtime needs.
      const stdio = ['pipe', stdout.fd, stderr.fd, alive.fd] as const;
      const child = spawn(file, args, { cwd: '/', detached: true, stdio: [...stdio] });
      await once(child, 'spawn');
      return new ForkedShim(child);
    } catch (error) {
      throw new ForkFailedError(`Failed to fork the container's shim: ${messageOf(error)}`, { cause: error });
    }
  }
}
