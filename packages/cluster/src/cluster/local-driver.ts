/** A volume driver in the namespace of a local cluster. */
import type { DaemonProcess } from '../daemon-process.ts';
import type { LocalCluster } from '../local-cluster.ts';
import { ClusterDriver } from './cluster-driver.ts';
import { fileURLToPath } from 'node:url';

const CONTROL = fileURLToPath(new URL('../../host/driver-control.ts', import.meta.url));

export class LocalDriver extends ClusterDriver {
  readonly name: string;
  readonly #processes: LocalCluster;
  readonly #start: () => Promise<DaemonProcess>;
  #daemon: DaemonProcess;

  constructor(processes: LocalCluster, name: string, daemon: DaemonProcess, start: () => Promise<DaemonProcess>) {
    super();
    this.#processes = processes;
    this.name = name;
    this.#daemon = daemon;
    this.#start = start;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#daemon.kill(signal);
    await this.#daemon.exited;
  }

  async restart(): Promise<void> {
    if (!this.#daemon.hasEnded) await this.kill('SIGTERM');
    await this.#processes.exec(['rm', '-f', this.socketPath]);
    this.#daemon = await this.#start();
  }

  protected override async control(method: 'GET' | 'PUT', path: string, body = ''): Promise<string> {
    const argv = [process.execPath, CONTROL, this.socketPath, method, path, body];
    const { exitCode, stdout, stderr } = await this.#processes.exec(argv);
    if (exitCode === 0) return stdout;
    throw new Error(`The driver ${this.name} refused ${method} ${path}: ${stderr}${stdout}`);
  }
}
