/** A volume driver in the namespace of a local cluster. */
import type { DaemonProcess } from '../daemon-process.ts';
import type { LocalCluster } from '../local-cluster.ts';
import type { DriverMisuse, DriverRequest, StartedDriver } from './mesos-cluster.ts';
import { fileURLToPath } from 'node:url';

const CONTROL = fileURLToPath(new URL('../../host/driver-control.ts', import.meta.url));

export class LocalDriver implements StartedDriver {
  readonly name: string;
  readonly #processes: LocalCluster;
  readonly #start: () => Promise<DaemonProcess>;
  #daemon: DaemonProcess;

  constructor(processes: LocalCluster, name: string, daemon: DaemonProcess, start: () => Promise<DaemonProcess>) {
    this.#processes = processes;
    this.name = name;
    this.#daemon = daemon;
    this.#start = start;
  }

  async faults(text: string): Promise<void> {
    await this.#control('PUT', '/drydock/faults', text);
  }

  async requests(): Promise<readonly DriverRequest[]> {
    const answer = JSON.parse(await this.#control('GET', '/drydock/requests')) as {
      requests: readonly DriverRequest[];
    };
    return answer.requests;
  }

  async misuses(): Promise<readonly DriverMisuse[]> {
    const answer = JSON.parse(await this.#control('GET', '/drydock/misuses')) as { misuses: readonly DriverMisuse[] };
    return answer.misuses;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#daemon.kill(signal);
    await this.#daemon.exited;
  }

  async restart(): Promise<void> {
    if (!this.#daemon.hasEnded) await this.kill('SIGTERM');
    await this.#processes.exec(['rm', '-f', this.#socket]);
    this.#daemon = await this.#start();
  }

  get #socket(): string {
    return `/run/docker/plugins/${this.name}.sock`;
  }

  async #control(method: string, path: string, body = ''): Promise<string> {
    const argv = [process.execPath, CONTROL, this.#socket, method, path, body];
    const { exitCode, stdout, stderr } = await this.#processes.exec(argv);
    if (exitCode === 0) return stdout;
    throw new Error(`The driver ${this.name} refused ${method} ${path}: ${stderr}${stdout}`);
  }
}
