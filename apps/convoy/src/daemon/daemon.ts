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
import { toInfo } from './info-json.ts';
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
export async function startDaemon(
  flags: DaemonFlags,
  options: { readonly warn?: (text: string) => void } = {},
): Promise<StartedDaemon> {
  await using started = new AsyncDisposableStack();
  await mkdir(flags.root, { recursive: true });
  started.use(await lockFile(join(flags.root, 'lock')));
  const configuration = await settleConfiguration(flags, {
    chooseDriver: async () => await chooseDriver(flags.root),
    warn: options.warn ?? (() => undefined),
  });
  const { driver, version } = configuration;
  const info = toInfo(flags, configuration);
  const fake = started.use(
    await startFakeDriver({
      socketPath: flags.socketPath,
      profile: toProfile(configuration, flags),
      directory: flags.root,
      dataDirectory: toDataDirectory(flags.root, configuration),
      faults: flags.faults,
      fallback: async (request, engine) => await routeClientApi(request, { driver, version, engine, info }),
      onCrash: () => process.kill(process.pid, 'SIGKILL'),
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

// DEVIATION: convoy does not start without --drivers.
async function chooseDriver(root: string): Promise<DriverKind> {
  return (await canUseExt4Loop(root)) ? 'devicemapper' : 'vfs';
}

function toProfile({ version, driver, driverOptions }: Configuration, flags: DaemonFlags): DriverProfile {
  const size = driverOptions[driver === 'vfs' ? 'vfs.defaultvolumesize' : 'dm.defaultvolumesize'];
  const blockSize = driverOptions['dm.thinpoolblocksize'];
  const profile = convoyProfiles[version][driver];
  return {
    ...profile,
    ...(size === undefined ? {} : { defaultSizeBytes: parseSizeBytes(size) }),
    ...(blockSize === undefined ? {} : { sizeUnitBytes: Number(blockSize) * SECTOR_BYTES }),
    ...(flags.createsOnDockerMount ? { mountUnknown: 'create' } : {}),
    ...(flags.ignoresDockerDelete ? { remove: { ...profile.remove, ignoresCalls: true } } : {}),
  };
}

const SECTOR_BYTES = 512;

// DEVIATION: convoy refuses vfs without vfs.path.
function toDataDirectory(root: string, { driver, driverOptions }: Configuration): string {
  return driver === 'vfs' ? (driverOptions['vfs.path'] ?? join(root, 'vfs')) : join(root, 'devicemapper');
}
