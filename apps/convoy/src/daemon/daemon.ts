/**
 * `convoy daemon`: a fake driver with convoy's behaviour, announced to Docker's clients, plus the API of convoy's own
 * command line on the same socket. Mounts are made in this process's mount namespace and stay when the daemon ends.
 */
import { lockFile } from '@drydock/base/file-lock';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  canUseExt4Loop,
  convoyProfiles,
  parseSizeBytes,
  startFakeDriver,
  type DriverProfile,
} from '@drydock/fake-drivers';
import type { DaemonFlags } from '../command-line.ts';
import { routeClientApi } from './client-api.ts';
import { settleConfiguration, type Configuration, type DriverKind } from './configuration.ts';
import { announcePlugin } from './plugin-spec.ts';

/** A daemon that serves. */
export interface StartedDaemon extends AsyncDisposable {
  /** What a person reads at start. */
  readonly summary: string;
  /** Removes spec file and socket, ends with the calls in the making; mounted volumes stay mounted. */
  stop(): Promise<void>;
}

/**
 * Resolves when the daemon serves and is announced.
 * @throws FileLockedError, ConfigurationError, SocketInUseError, PluginNameTakenError, BrokenRecordError, FaultSyntaxError
 */
export async function startDaemon(flags: DaemonFlags): Promise<StartedDaemon> {
  await using started = new AsyncDisposableStack();
  await mkdir(flags.root, { recursive: true });
  started.use(await lockFile(join(flags.root, 'lock')));
  const configuration = await settleConfiguration(flags, async () => await chooseDriver(flags.root));
  const { driver } = configuration;
  const fake = started.use(
    await startFakeDriver({
      socketPath: flags.socketPath,
      profile: toProfile(configuration),
      directory: flags.root,
      dataDirectory: toDataDirectory(flags.root, configuration),
      faults: flags.faults,
      fallback: async (request, engine) => await routeClientApi(request, { driver, engine }),
    }),
  );
  started.use(
    await announcePlugin({
      directory: flags.specDirectory,
      pluginName: flags.pluginName,
      socketPath: flags.socketPath,
      markerPath: join(flags.root, 'announced-at'),
    }),
  );
  const resources = started.move();
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopped ??= resources.disposeAsync();
    await stopped;
  };
  const kind = driver === 'devicemapper' ? 'devicemapper, emulated with ext4 on loop devices' : 'vfs';
  return {
    summary: `Volume driver ${flags.pluginName} (${kind}) is ready on ${fake.socketPath}`,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function chooseDriver(root: string): Promise<DriverKind> {
  return (await canUseExt4Loop(root)) ? 'devicemapper' : 'vfs';
}

function toProfile({ driver, driverOptions }: Configuration): DriverProfile {
  const size = driverOptions[driver === 'vfs' ? 'vfs.defaultvolumesize' : 'dm.defaultvolumesize'];
  const profile = convoyProfiles['0.5'][driver];
  return size === undefined ? profile : { ...profile, defaultSizeBytes: parseSizeBytes(size) };
}

// DEVIATION: convoy refuses vfs without vfs.path.
function toDataDirectory(root: string, { driver, driverOptions }: Configuration): string {
  return driver === 'vfs' ? (driverOptions['vfs.path'] ?? join(root, 'vfs')) : join(root, 'devicemapper');
}
