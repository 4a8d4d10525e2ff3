/** One volume command through a driver: calls, output and exit code. */
import { assertNever, messageOf } from '@drydock/base/errors';
import { toLogrusLine } from '@drydock/base/logrus-text';
import {
  callSequences,
  connectVolumeDriver,
  defaultDiscoveryDirectories,
  VolumeUnavailableError,
  type DiscoveryDirectories,
  type VolumeDriverClient,
} from '@drydock/volume-plugin';
import type { VolumeCommandLine } from './command-line.ts';
import { toClientName } from './compat.ts';
import { toEventLine } from './event-line.ts';
import type { DvdcliWorld } from './world.ts';

/** Gives the exit code. */
export async function runVolumeCommand(line: VolumeCommandLine, world: DvdcliWorld): Promise<number> {
  if (line.driver === '') {
    world.stderr(toLogrusLine('info', 'Missing volume driver name', { fields: { volumeDriver: '' } }));
    return 1;
  }
  // DEVIATION: dvdcli waits without end for a driver that does not answer.
  const signal = AbortSignal.timeout(line.timeoutMs);
  try {
    using driver = await connect(line, world, signal);
    await callDriver(line, driver, { world, signal });
    return 0;
  } catch (error) {
    world.stderr(toFailureLine(error, line, signal));
    return 1;
  }
}

async function connect(line: VolumeCommandLine, world: DvdcliWorld, signal: AbortSignal): Promise<VolumeDriverClient> {
  try {
    return await connectVolumeDriver(line.driver, {
      signal,
      client: toClientName(line.compat),
      callTimeoutMs: 2 * line.timeoutMs, // the signal comes first
      onEvent: (event) => world.stderr(toEventLine(event, line.compat)),
      directories: directoriesOf(world.env ?? {}),
      ...(world.clock === undefined ? {} : { clock: world.clock }),
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Failure('info', `Error looking up volume plugin ${line.driver}: ${messageOf(error)}`, {
      volumeDriver: line.driver,
    });
  }
}

// DEVIATION: dvdcli looks into Docker's directories only.
function directoriesOf(env: Readonly<Record<string, string | undefined>>): DiscoveryDirectories {
  const [sockets, ...specs] = (env['DVDCLI_PLUGIN_DIRECTORIES'] ?? '').split(':').filter((one) => one !== '');
  return sockets === undefined ? defaultDiscoveryDirectories : { sockets, specs };
}

/** The command cannot be done; says how its log line looks. */
class Failure extends Error {
  readonly level: 'info' | 'error';
  readonly fields: Readonly<Record<string, string>>;

  constructor(level: 'info' | 'error', message: string, fields: Readonly<Record<string, string>>) {
    super(message);
    this.level = level;
    this.fields = fields;
  }
}

async function callDriver(
  line: VolumeCommandLine,
  driver: VolumeDriverClient,
  context: { readonly world: DvdcliWorld; readonly signal: AbortSignal },
): Promise<void> {
  const { world, signal } = context;
  const calls = callSequences[driver.client];
  switch (line.command) {
    case 'mount': {
      const { driverOptions, explicitCreate } = line;
      const mountpoint = await calls.mount(driver, line.name, driverOptions, { signal, explicitCreate });
      // DEVIATION: dvdcli prints an empty line and exits 0.
      if (mountpoint === '') {
        throw new Failure('error', 'Expected the driver to answer Mount with a mountpoint, got an empty one', {
          volumeName: line.name,
        });
      }
      return printPath(mountpoint, world);
    }
    case 'unmount':
      return await calls.unmount(driver, line.name, { signal });
    case 'create':
      await calls.create(driver, line.name, line.driverOptions, { signal });
      return world.stderr(toLogrusLine('info', line.name));
    case 'remove':
      return await calls.remove(driver, line.name, { signal });
    case 'path': {
      // DEVIATION: dvdcli ignores an error of the Path call and exits 0 with nothing printed.
      const path = await calls.path(driver, line.name, { signal });
      return path === '' ? undefined : printPath(path, world);
    }
    case 'get':
      return world.stdout(`${(await calls.get(driver, line.name, { signal })).Name}\n`);
    case 'list': {
      const volumes = await calls.list(driver, { signal });
      return world.stdout(volumes.map(({ Name }) => `${Name}\n`).join(''));
    }
    default:
      assertNever(line.command);
  }
}

function printPath(path: string, world: DvdcliWorld): void {
  world.stderr(toLogrusLine('info', path));
  world.stdout(`${path}\n`);
}

function toFailureLine(error: unknown, line: VolumeCommandLine, signal: AbortSignal): string {
  if (signal.aborted) {
    const message = `Gave up on volume driver ${line.driver}: no answer within ${line.timeoutMs / 1000} s`;
    return toLogrusLine('error', message, { fields: { volumeName: line.name } });
  }
  if (error instanceof Failure) return toLogrusLine(error.level, error.message, { fields: error.fields });
  // dvdcli names the volume when Create, Get or Remove failed, not when Mount, Unmount or List did.
  const isNamed = error instanceof VolumeUnavailableError;
  return toLogrusLine('error', messageOf(error), isNamed ? { fields: { volumeName: line.name } } : {});
}
