/** A volume driver on an agent's host. */
import type { DriverSpec } from '../cluster/cluster-builder.ts';
import type { DriverMisuse, DriverRequest, StartedDriver } from '../cluster/mesos-cluster.ts';
import { HostCommandError, type StartedHost } from './host-container.ts';
import { SHARED_DIRECTORY } from './storage-service.ts';
import { excerptOf } from '../log-excerpt.ts';

const CONTROL = '/opt/drydock/packages/cluster/host/driver-control.ts';
const READY_SECONDS_MAX = 30;

export interface DriverPlace {
  /** The host may be another one after a reboot. */
  readonly host: () => StartedHost;
  /** The service that knows the volumes, where the profile has one. */
  readonly endpoint: string | undefined;
  readonly isShared: boolean;
}

export class ContainerDriver implements StartedDriver {
  readonly #spec: DriverSpec;
  readonly #place: DriverPlace;

  constructor(spec: DriverSpec, place: DriverPlace) {
    this.#spec = spec;
    this.#place = place;
  }

  get name(): string {
    return this.#spec.name;
  }

  /** Starts it; resolves when its socket, or the file that names it, is there. */
  async run(): Promise<void> {
    const host = this.#place.host();
    await host.startProgram(this.#program, this.#argv());
    const isThere =
      this.#spec.profile === 'convoy' ? '[ -e /etc/docker/plugins/convoy.spec ]' : `[ -S ${this.#socket} ]`;
    const wait = `until ${isThere}; do [ -d /proc/$(cat /run/drydock/${this.#program}.pid) ] || exit 1; sleep 0.05; done`;
    const { exitCode } = await host.exec(['timeout', `${READY_SECONDS_MAX}`, 'sh', '-c', wait]);
    if (exitCode === 0) return;
    const end = excerptOf(await host.log(this.#program));
    throw new HostCommandError(`The driver ${this.name} on ${host.name} does not serve:\n${end}`);
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
    await this.#place.host().signalProgram(this.#program, signal);
    await this.#place.host().waitForEnd(this.#program);
  }

  async restart(): Promise<void> {
    if (await this.#place.host().isRunning(this.#program)) await this.kill('SIGTERM');
    await this.#place.host().exec(['rm', '-f', this.#socket]);
    await this.run();
  }

  get #program(): string {
    return driverProgram(this.#spec);
  }

  get #socket(): string {
    return `/run/docker/plugins/${this.name}.sock`;
  }

  #argv(): readonly string[] {
    const { profile, name, flags } = this.#spec;
    const directory = `/var/lib/drydock/${name}`;
    if (profile === 'convoy') return ['convoy', 'daemon', '--root', directory, ...flags];
    const { isShared, endpoint, host } = this.#place;
    const shared = isShared ? ['--shared', `${SHARED_DIRECTORY}/${name}`, '--node', host().name] : [];
    const service = endpoint === undefined ? [] : ['--endpoint', endpoint];
    const start = ['drydock', 'driver', 'start', '--profile', profile, '--name', name, '--directory', directory];
    return [...start, '--keep', ...shared, ...service, ...flags];
  }

  async #control(method: string, path: string, body = ''): Promise<string> {
    return await this.#place.host().read(['node', CONTROL, this.#socket, method, path, body]);
  }
}

/** Its name among the programs of a host. */
export function driverProgram(spec: DriverSpec): string {
  return `driver-${spec.name}`;
}
