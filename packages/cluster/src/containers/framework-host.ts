/** A host for frameworks: mesos-execute runs on it, so that it can be cut off from the master like any other. */
import { randomBytes } from 'node:crypto';
import { executeFlags, type ExecuteOptions } from '../executed-task.ts';
import type { RunResult } from '@drydock/base/subprocess';
import type { ContainerDaemon } from './container-daemon.ts';
import type { HostResult, StartedHost } from './host-container.ts';
import { cutOff, type Partition } from './partition.ts';

/** From SIGINT to SIGKILL, when it is cancelled. */
const CANCEL_SECONDS = 10;
/** No mesos-execute of a test takes longer. */
const EXECUTE_SECONDS_MAX = 300;

export class FrameworkHost {
  readonly host: StartedHost;
  readonly #master: ContainerDaemon;

  constructor(host: StartedHost, master: ContainerDaemon) {
    this.host = host;
    this.#master = master;
  }

  async exec(argv: readonly string[]): Promise<HostResult> {
    return await this.host.exec(argv);
  }

  /** Runs mesos-execute to its end, or until `signal`. */
  async execute(options: ExecuteOptions): Promise<RunResult> {
    const name = `execute-${randomBytes(4).toString('hex')}`;
    const master = `${this.#master.host.name}:${this.#master.address.split(':')[1] ?? ''}`;
    const command = ['mesos-execute', ...executeFlags(master, options)];
    const bounded = ['timeout', '-s', 'INT', '-k', `${CANCEL_SECONDS}`, `${EXECUTE_SECONDS_MAX}`, ...command];
    const keepPid = ['sh', '-c', `echo $$ >/run/drydock/${name}.pid; exec "$@"`, name];
    const cancel = (): void => {
      void this.host.signalProgram(name, 'SIGINT').catch(() => undefined); // It may have ended meanwhile.
    };
    options.signal?.addEventListener('abort', cancel, { once: true });
    if (options.signal?.aborted === true) cancel();
    const result = await this.host.exec([...keepPid, ...bounded]);
    options.signal?.removeEventListener('abort', cancel);
    const isCanceled = options.signal?.aborted === true;
    return { ...result, command: command.join(' '), isTimedOut: false, isCanceled, isOutputTooLong: false };
  }

  /** Nothing gets from it to the master. */
  async partition(): Promise<Partition> {
    return await cutOff(this.host, this.#master.host);
  }
}
