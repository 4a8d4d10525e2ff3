/** What drivers on several hosts share: a volume that holds the data, and a service that knows them. */
import type { DriverSpec } from '../cluster/cluster-builder.ts';
import type { StartedHost } from './host-container.ts';

/** Where the shared data are, on every host. */
export const SHARED_DIRECTORY = '/srv/shared';
/** The host that serves, where a profile needs it. */
export const STORAGE_HOST = 'storage';

const PORT_MIN = 7000;
const READY_SECONDS_MAX = 30;

/** What `drydock driver list --json` says of a profile, as far as it is used here. */
interface ListedProfile {
  readonly name: string;
  readonly backing: string;
  readonly isDataShared: boolean;
}

/** What a driver needs beside its host. */
export interface DriverNeeds {
  readonly isShared: boolean;
  readonly needsService: boolean;
}

/** Asks the product itself. @throws Error for an unknown profile, with those there are */
export async function needsOf(specs: readonly DriverSpec[], host: StartedHost): Promise<readonly DriverNeeds[]> {
  const known = specs.every(({ profile }) => profile === 'convoy')
    ? []
    : (JSON.parse(await host.read(['drydock', 'driver', 'list', '--json'])) as readonly ListedProfile[]);
  return specs.map(({ profile }) => {
    if (profile === 'convoy') return { isShared: false, needsService: false };
    const found = known.find(({ name }) => name === profile);
    if (found === undefined) {
      const names = ['convoy', ...known.map(({ name }) => name)].join(', ');
      throw new Error(`Expected a driver profile, one of ${names}; got '${profile}'`);
    }
    return { isShared: found.isDataShared, needsService: !['local', 'pool'].includes(found.backing) };
  });
}

/** Starts the services of the drivers on their host; gives each driver's endpoint, in their order. */
export async function startServices(
  specs: readonly DriverSpec[],
  needs: readonly DriverNeeds[],
  host: StartedHost,
): Promise<readonly (string | undefined)[]> {
  return await Promise.all(
    specs.map(async ({ profile, name }, index) => {
      if (needs[index]?.needsService !== true) return undefined;
      const port = PORT_MIN + index;
      const shared = ['--shared', `${SHARED_DIRECTORY}/${name}`];
      const service = ['drydock', 'driver', 'service', '--profile', profile, ...shared];
      await host.startProgram(`service-${name}`, [...service, '--ip', '0.0.0.0', '--port', `${port}`]);
      const wait = `until grep -q ' is at http' /var/log/drydock/service-${name}.log; do [ -d /proc/$(cat /run/drydock/service-${name}.pid) ] || exit 1; sleep 0.05; done`;
      const { exitCode } = await host.exec(['timeout', `${READY_SECONDS_MAX}`, 'sh', '-c', wait]);
      if (exitCode !== 0)
        throw new Error(`The service of ${name} does not serve: ${await host.log(`service-${name}`)}`);
      return `http://${host.name}:${port}`;
    }),
  );
}
