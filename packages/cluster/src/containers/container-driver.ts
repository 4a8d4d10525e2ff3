/** A volume driver on an agent's host. */
import type { DriverSpec } from '../cluster/cluster-builder.ts';
import { ClusterDriver } from '../cluster/cluster-driver.ts';
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

export class ContainerDriver extends ClusterDriver {
  readonly #spec: DriverSpec;
  readonly #place: DriverPlace;

  constructor(spec: DriverSpec, place: DriverPlace) {
    super();
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
      this.#spec.profile === 'convoy' ? '[ -e /etc/docker/plugins/convoy.spec ]' : `[ -S ${this.socketPath} ]`;
    const wait = `until ${isThere}; do [ -d /proc/$(cat /run/drydock/${this.#program}.pid) ] || exit 1; sleep 0.05; done`;
    const { exitCode } = await host.exec(['timeout', `${READY_SECONDS_MAX}`, 'sh', '-c', wait]);
    if (exitCode === 0) return;
    const end = excerptOf(await host.log(this.#program));
    throw new HostCommandError(`The driver ${this.name} on ${host.name} does not serve:\n${end}`);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#place.host().signalProgram(this.#program, signal);
    await this.#place.host().waitForEnd(this.#program);
  }

  async restart(): Promise<void> {
    if (await this.#place.host().isRunning(this.#program)) await this.kill('SIGTERM');
    await this.#place.host().exec(['rm', '-f', this.socketPath]);
    await this.run();
  }

  get #program(): string {
    return driverProgram(this.#spec);
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

  protected override async control(method: 'GET' | 'PUT', path: string, body = ''): Promise<string> {
    return await this.#place.host().read(['node', CONTROL, this.socketPath, method, path, body]);
  }
}

/** Its name among the programs of a host. */
export function driverProgram(spec: DriverSpec): string {
  return `driver-${spec.name}`;
}
