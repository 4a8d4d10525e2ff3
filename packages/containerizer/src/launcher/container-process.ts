import { join } from 'node:path';
import { assert, messageOf } from '@drydock/base/errors';
import type { Logger } from '@drydock/base/log';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { run } from '@drydock/base/subprocess';
import { WaitTimedOutError, waitUntil } from '@drydock/base/wait-until';
import { parseExitRecord, toTermination, type ContainerTermination, type SentSignal } from './container-termination.ts';
import { UpdateFailedError } from '../errors.ts';
import { isInitForwarding } from './init-process.ts';
import { LAUNCHER_FILES } from './launcher-files.ts';
import { toLimitedResources, type ContainerLimits } from './oci-config.ts';
import type { Shim } from './shim.ts';

/** A forked container: the shim holds it at the gate, then supervises it. */
export interface ForkedContainer {
  /** The shim's pid, `Forked command at PID`. */
  readonly pid: number;
  /**
   * Lets the command start; idempotent. The caller has written everything that must come before its output. Does nothing
   * for a container of an earlier agent: one that waited at the gate when that died has aborted by itself.
   */
  openGate(): Promise<void>;
  /** Whether the command was started; of one that is about to be, when it was or cannot be any more. Asked past the gate. */
  hasStarted(): Promise<boolean>;
  /** Resolves once, when the container is surely gone; never rejects. */
  readonly exited: Promise<ContainerTermination>;
  /** SIGTERM to pid 1, which forwards it to the process group of the task. Before the gate it aborts the launch. */
  terminate(): Promise<void>;
  /** SIGKILL of every process of the container; resolves when `exited` has. Idempotent. */
  kill(): Promise<void>;
}

interface ContainerProcessOptions {
  readonly shim: Shim;
  /** What an earlier agent has sent to the container, as far as it is known. */
  readonly sentSignals?: Iterable<SentSignal>;
  readonly directory: string;
  readonly runtimeArgv: readonly [string, ...string[]];
  readonly runtimeId: string;
  readonly logger: Logger;
  readonly removeLeftovers: () => Promise<void>;
}

/** A runtime call is a matter of milliseconds; one that hangs is ended. */
const RUNTIME_CALL_MS_MAX = 10_000;
/** From the gate to the command: root file systems are mounted and the runtime works. */
const START_MS_MAX = 60_000;
/** From the first SIGKILL until the shim itself is killed. */
const KILL_MS_MAX = 15_000;

const KILLED = { exitCode: 137, oomKillCount: 0 };

export class ContainerProcess implements ForkedContainer {
  readonly exited: Promise<ContainerTermination>;
  readonly #options: ContainerProcessOptions;
  readonly #sentSignals: Set<SentSignal>;
  #gate: 'closed' | 'open' | 'aborted';
  #hasExited = false;
  #killing: Promise<void> | undefined;

  constructor(options: ContainerProcessOptions) {
    const { shim, sentSignals = [] } = options;
    this.#options = options;
    this.#sentSignals = new Set(sentSignals);
    this.#gate = shim.gate === undefined ? 'open' : 'closed';
    this.exited = shim.gone.then(async () => await this.#readTermination());
  }

  get pid(): number {
    const { pid } = this.#options.shim;
    assert(pid !== undefined, 'Who has a container knows the pid of its shim');
    return pid;
  }

  async openGate(): Promise<void> {
    if (this.#gate !== 'closed') return;
    this.#gate = 'open';
    const { gate } = this.#options.shim;
    await new Promise<void>((resolve) => {
      if (gate === undefined) resolve();
      else gate.end('go\n', () => resolve());
      void this.exited.then(() => resolve());
    });
  }

  async hasStarted(): Promise<boolean> {
    const { directory, runtimeId } = this.#options;
    const isThere = async (): Promise<boolean> =>
      (await readTextIfThere(join(directory, LAUNCHER_FILES.containerPid))) !== undefined;
    await waitUntil(async () => this.#hasExited || (await isThere()), {
      what: `the command of the container ${runtimeId} to start`,
      timeoutMs: START_MS_MAX,
      intervalMs: 30,
    });
    return await isThere();
  }

  /** Lets go of the container: it goes on, `exited` does not settle any more. One at the gate aborts. */
  detach(): void {
    this.#options.shim.detach();
  }

  /** Changes the limits of a container whose command runs. @throws UpdateFailedError */
  async limit(limits: ContainerLimits): Promise<void> {
    const { runtimeArgv, runtimeId } = this.#options;
    const result = await run([...runtimeArgv, 'update', '--resources', '-', runtimeId], {
      input: JSON.stringify(toLimitedResources(limits)),
      timeoutMs: RUNTIME_CALL_MS_MAX,
    });
    if (result.exitCode === 0 || this.#hasExited) return;
    throw new UpdateFailedError(result.stderr.trim() || `the runtime exited with status ${result.exitCode}`);
  }

  async terminate(): Promise<void> {
    if (this.#gate !== 'open') {
      this.#abort();
      return;
    }
    this.#sentSignals.add('SIGTERM');
    await this.#signalUntilDelivered('TERM');
  }

  async kill(): Promise<void> {
    this.#killing ??= this.#kill();
    await this.#killing;
  }

  async #kill(): Promise<void> {
    // Whatever becomes of the signal.
    const timer = setTimeout(() => void this.#killShim(), KILL_MS_MAX);
    if (this.#gate !== 'open') this.#abort();
    else {
      this.#sentSignals.add('SIGKILL');
      await this.#signalUntilDelivered('KILL');
    }
    await this.exited;
    clearTimeout(timer);
  }

  #abort(): void {
    this.#gate = 'aborted';
    this.#options.shim.gate?.end();
  }

  /**
   * The runtime refuses until its container exists, so this asks again until it does, or until the shim has exited. A
   * SIGTERM also waits until somebody can take it.
   */
  async #signalUntilDelivered(signal: 'TERM' | 'KILL'): Promise<void> {
    const { runtimeArgv, runtimeId, directory, logger } = this.#options;
    try {
      await waitUntil(
        async () => {
          if (this.#hasExited) return true;
          if (signal === 'TERM' && !(await isInitForwarding(join(directory, LAUNCHER_FILES.containerPid))))
            return false;
          const result = await run([...runtimeArgv, 'kill', runtimeId, signal], { timeoutMs: RUNTIME_CALL_MS_MAX });
          return result.exitCode === 0 || this.#hasExited;
        },
        { what: `the container ${runtimeId} to take SIG${signal}`, timeoutMs: RUNTIME_CALL_MS_MAX, intervalMs: 30 },
      );
    } catch (error) {
      const reason = error instanceof WaitTimedOutError ? {} : { error };
      logger.warning('The container does not take a signal', {
        containerId: runtimeId,
        signal: `SIG${signal}`,
        ...reason,
      });
    }
  }

  /** Last resort: ends the shim with the runtime; `#readTermination` then removes the container by force. */
  async #killShim(): Promise<void> {
    const { runtimeId: containerId, shim, logger } = this.#options;
    logger.warning('The container does not end, killing its shim', { containerId });
    try {
      await shim.kill();
    } catch (error) {
      logger.error('Failed to kill the shim of a container', { containerId, error });
    }
  }

  async #readTermination(): Promise<ContainerTermination> {
    this.#hasExited = true;
    const { directory } = this.#options;
    try {
      const record = parseExitRecord((await readTextIfThere(join(directory, LAUNCHER_FILES.exit))) ?? '');
      if (record === undefined) return await this.#removeByForce();
      if (record.how === 'exited') return toTermination(record, this.#sentSignals);
      // Killed while the runtime was still about to start the command, which nobody can have noticed.
      if (this.#sentSignals.has('SIGKILL')) return toTermination(KILLED, this.#sentSignals);
      return { how: 'launch-failed', message: await this.#launchFailure(record.how === 'aborted') };
    } catch (error) {
      return { how: 'unknown', message: `Failed to read how the container ended: ${messageOf(error)}` };
    }
  }

  /** The shim is gone without an exit file; the container may still run. */
  async #removeByForce(): Promise<ContainerTermination> {
    const { runtimeArgv, runtimeId, directory, removeLeftovers } = this.#options;
    await run([...runtimeArgv, 'delete', '-f', runtimeId], { timeoutMs: RUNTIME_CALL_MS_MAX });
    await removeLeftovers();
    if (this.#sentSignals.has('SIGKILL')) return toTermination(KILLED, this.#sentSignals);
    const hasStarted = (await readTextIfThere(join(directory, LAUNCHER_FILES.containerPid))) !== undefined;
    if (!hasStarted) return { how: 'launch-failed', message: await this.#launchFailure(this.#gate === 'aborted') };
    return { how: 'unknown', message: 'The shim of the container was killed before it could write the exit status' };
  }

  async #launchFailure(isAborted: boolean): Promise<string> {
    if (isAborted) return 'The launch was aborted before the command was started';
    const { directory } = this.#options;
    const fromRuntime = lastErrorOf((await readTextIfThere(join(directory, LAUNCHER_FILES.runtimeLog))) ?? '');
    if (fromRuntime !== undefined) return fromRuntime;
    const fromMount = (await readTextIfThere(join(directory, LAUNCHER_FILES.shimErrors)))?.trim() ?? '';
    if (fromMount !== '') return `Failed to mount the root file system: ${fromMount}`;
    return 'The shim of the container ended before the command was started';
  }
}

/** The last error in a runtime's JSON log. */
export function lastErrorOf(log: string): string | undefined {
  for (const line of log.trim().split('\n').reverse()) {
    try {
      const entry: unknown = JSON.parse(line);
      if (typeof entry !== 'object' || entry === null || !('level' in entry) || !('msg' in entry)) continue;
      if (entry.level === 'error' && typeof entry.msg === 'string') return entry.msg;
    } catch {
      // A line cut short by a kill: the one before it may be whole.
    }
  }
  return undefined;
}
