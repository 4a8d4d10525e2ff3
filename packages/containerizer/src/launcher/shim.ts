/**
 * The supervisor of one container (`shim.sh`) as an agent holds it: the one that it forked itself, or the one that an
 * earlier agent left.
 *
 * A shim holds the FIFO `<directory>/alive` open for writing from before its first instruction to its end, and nothing
 * that it starts does. So an agent that opens the FIFO for reading learns of the end by the end of the input: no polling,
 * no process id that may be another's by now, and after a reboot nobody holds it.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { assert, systemCodeOf } from '@drydock/base/errors';
import { readTextIfThere } from '@drydock/base/read-if-there';
import { LAUNCHER_FILES } from './launcher-files.ts';
import { identify, parseShimIdentity, type ShimIdentity } from './shim-identity.ts';

export interface Shim {
  /** Undefined when an earlier agent died before it had written it down; such a shim waits at the gate, or is gone. */
  readonly pid: number | undefined;
  /** The line `go` opens it, its end aborts the launch. Undefined when it is no longer in this agent's hands. */
  readonly gate: Writable | undefined;
  /** Resolves when the shim is gone; never rejects, and never resolves after `detach`. */
  readonly gone: Promise<void>;
  /** SIGKILL to its process group, which has the runtime in it; fine when it is gone. */
  kill(): Promise<void>;
  /** Closes what this agent has of it, and no longer keeps the process alive for it. Aborts a launch at its gate. */
  detach(): void;
}

export class ForkedShim implements Shim {
  readonly pid: number;
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  readonly #onExit: () => void;

  /** `child` has been spawned. */
  constructor(child: ChildProcess) {
    assert(child.pid !== undefined, 'The shim was spawned');
    this.pid = child.pid;
    this.#child = child;
    // EPIPE when the shim is already gone: its exit tells the story.
    child.stdin?.on('error', () => undefined);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#onExit = resolve;
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', resolve);
  }

  get gate(): Writable | undefined {
    return this.#child.stdin ?? undefined;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) killGroup(this.pid);
  }

  detach(): void {
    this.#child.off('exit', this.#onExit);
    this.#child.stdin?.destroy();
    this.#child.unref();
  }
}

/** The shim of an earlier agent, whether it is still there or not. */
export class FoundShim implements Shim {
  readonly gate = undefined;
  readonly gone: Promise<void>;
  readonly #identity: ShimIdentity | undefined;
  readonly #socket: Socket | undefined;
  #isDetached = false;

  private constructor(identity: ShimIdentity | undefined, fd: number | undefined) {
    this.#identity = identity;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    if (fd === undefined) {
      resolve();
      return;
    }
    this.#socket = new Socket({ fd, readable: true, writable: false });
    // However the FIFO cannot be read: it is closed then, and the exit file tells the story.
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => {
      if (!this.#isDetached) resolve();
    });
    this.#socket.resume();
  }

  static async find(directory: string): Promise<FoundShim> {
    const identity = parseShimIdentity((await readTextIfThere(join(directory, LAUNCHER_FILES.shim))) ?? '');
    return new FoundShim(identity, openHeld(join(directory, LAUNCHER_FILES.alive)));
  }

  /** Whether it was there when it was looked for. */
  get wasAlive(): boolean {
    return this.#socket !== undefined;
  }

  get pid(): number | undefined {
    return this.#identity?.pid;
  }

  async kill(): Promise<void> {
    const identity = this.#identity;
    if (identity === undefined || (await identify(identity.pid))?.startTicks !== identity.startTicks) return;
    killGroup(identity.pid);
  }

  detach(): void {
    this.#isDetached = true;
    this.#socket?.destroy();
  }
}

/** Opens a FIFO for reading when somebody holds it open for writing; undefined when nobody does, or when it is not there. */
function openHeld(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    // Without a writer a read gives the end at once, while a poll waits for the next writer.
    readSync(fd, Buffer.alloc(1));
  } catch (error) {
    if (systemCodeOf(error) === 'EAGAIN') return fd;
    closeSync(fd);
    throw error;
  }
  closeSync(fd);
  return undefined;
}

/** The pid is a shim's, and it has not been reaped or its start time was compared. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error;
  }
}
