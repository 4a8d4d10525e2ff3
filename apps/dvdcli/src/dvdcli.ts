/**
 * The `dvdcli` command: one volume command through a Docker volume plugin, with the calls, output and exit codes of
 * dvdcli 0.2.x.
 */
import { assertNever, messageOf } from '@drydock/base/errors';
import { toLogrusLine } from '@drydock/base/logrus-text';
import {
  callSequences,
  connectVolumeDriver,
  defaultDiscoveryDirectories,
  VolumeUnavailableError,
  type DiscoveryDirectories,
  type PluginClientEvent,
} from '@drydock/volume-plugin';
import { CommandLineError, parseCommandLine, type CommandLine } from './command-line.ts';
import { usage } from './usage.ts';

export interface DvdcliWorld {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Default: the fixed directories of Docker. */
  readonly directories?: DiscoveryDirectories;
  /** Default: 1, 2, 4 and 8 s. */
  readonly retryDelaysMs?: readonly number[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

type VolumeCommandLine = Extract<CommandLine, { kind: 'volume' }>;

/** Runs one command line; gives the exit code. */
export async function runDvdcli(argv: readonly string[], world: DvdcliWorld): Promise<number> {
  const line = readCommandLine(argv, world);
  if (line === undefined) return 1;
  switch (line.kind) {
    case 'no-command':
      world.stderr(usage());
      return 0;
    case 'help':
      // As dvdcli: the program's help goes to stdout, that of a command to stderr.
      (line.command === undefined ? world.stdout : world.stderr)(usage(line.command));
      return 0;
    case 'version':
      world.stdout(versionText());
      return 0;
    case 'volume':
      return await runVolumeCommand(line, world);
    default:
      return assertNever(line);
  }
}

function readCommandLine(argv: readonly string[], world: DvdcliWorld): CommandLine | undefined {
  try {
    return parseCommandLine(argv);
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    world.stderr(`${usage(error.command)}Error: ${error.message}\nRun 'dvdcli --help' for usage.\n`);
    return undefined;
  }
}

async function runVolumeCommand(line: VolumeCommandLine, world: DvdcliWorld): Promise<number> {
  if (line.driver === '') {
    world.stderr(toLogrusLine('info', 'Missing volume driver name', { fields: { volumeDriver: '' } }));
    return 1;
  }
  // DEVIATION: dvdcli waits without end for a driver that does not answer.
  const signal = AbortSignal.timeout(line.timeoutMs);
  try {
    const driver = await connectVolumeDriver(line.driver, {
      signal,
      onEvent: (event) => world.stderr(toEventLine(event)),
      directories: world.directories ?? directoriesOf(world.env ?? {}),
      ...(world.retryDelaysMs === undefined ? {} : { retryDelaysMs: world.retryDelaysMs }),
    }).catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw new Failure('info', `Error looking up volume plugin ${line.driver}: ${messageOf(error)}`, {
        volumeDriver: line.driver,
      });
    });
    using _closed = driver;
    await callDriver(line, driver, { world, signal });
    return 0;
  } catch (error) {
    world.stderr(toFailureLine(error, line, signal));
    return 1;
  }
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
  driver: Awaited<ReturnType<typeof connectVolumeDriver>>,
  context: { readonly world: DvdcliWorld; readonly signal: AbortSignal },
): Promise<void> {
  const { world, signal } = context;
  const calls = callSequences['dvdcli-0.2'];
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
      world.stdout(`${mountpoint}\n`);
      world.stderr(toLogrusLine('info', mountpoint));
      return;
    }
    case 'unmount':
      await calls.unmount(driver, line.name, { signal });
      return;
    case 'create':
      await calls.create(driver, line.name, line.driverOptions, { signal });
      world.stderr(toLogrusLine('info', line.name));
      return;
    case 'path': {
      // DEVIATION: dvdcli ignores an error of the Path call and exits 0 with nothing printed.
      const path = await calls.path(driver, line.name, { signal });
      if (path === '') return;
      world.stdout(`${path}\n`);
      world.stderr(toLogrusLine('info', path));
      return;
    }
    default:
      assertNever(line.command);
  }
}

function toFailureLine(error: unknown, line: VolumeCommandLine, signal: AbortSignal): string {
  if (signal.aborted) {
    const message = `Gave up on volume driver ${line.driver}: no answer within ${line.timeoutMs / 1000} s`;
    return toLogrusLine('error', message, { fields: { volumeName: line.name } });
  }
  if (error instanceof Failure) return toLogrusLine(error.level, error.message, { fields: error.fields });
  // dvdcli names the volume when Create or Get failed, not when Mount or Unmount did.
  const isNamed = error instanceof VolumeUnavailableError;
  return toLogrusLine('error', messageOf(error), isNamed ? { fields: { volumeName: line.name } } : {});
}

function toEventLine(event: PluginClientEvent): string {
  switch (event.kind) {
    case 'locate-retry':
      return toLogrusLine(
        'warning',
        `Unable to locate plugin: ${event.driver}, retrying in ${inSeconds(event.delayMs)}`,
      );
    case 'connect-retry':
      return toLogrusLine(
        'warning',
        `Unable to connect to plugin: ${event.target}:/${event.method}, retrying in ${inSeconds(event.delayMs)}`,
      );
    case 'bad-reply':
      return toLogrusLine('error', `${event.method}: error reading plugin resp: ${event.reason}`);
    default:
      return assertNever(event);
  }
}

// DEVIATION: dvdcli looks into Docker's directories only.
function directoriesOf(env: Readonly<Record<string, string | undefined>>): DiscoveryDirectories {
  const [sockets, ...specs] = (env['DVDCLI_PLUGIN_DIRECTORIES'] ?? '').split(':').filter((one) => one !== '');
  return sockets === undefined ? defaultDiscoveryDirectories : { sockets, specs };
}

function inSeconds(ms: number): string {
  return ms < 1_000 ? `${ms}ms` : `${ms / 1_000}s`;
}

/** The six lines of dvdcli; the values are this program's own. */
function versionText(): string {
  return [
    `Binary: ${process.argv[1] ?? 'dvdcli'}`,
    'SemVer: 0.2.1+drydock',
    `OsArch: ${process.platform}-${process.arch}`,
    'Branch: main',
    'Commit: none',
    'Formed: from source',
    '',
  ].join('\n');
}
