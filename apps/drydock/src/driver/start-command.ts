import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { DomainError, systemCodeOf } from '@drydock/base/errors';
import {
  driverProfiles,
  findProfile,
  startFakeDriver,
  storeKinds,
  takeDriverHome,
  type DriverProfile,
  type StartedFakeDriver,
  type StoreKind,
} from '@drydock/fake-drivers';
import { Command, Option } from 'commander';
import { introduce } from './introduction.ts';

/** The driver cannot be started as asked for. */
class StartUsageError extends DomainError<'START_USAGE'> {
  readonly code = 'START_USAGE';
}

interface StartFlags {
  readonly profile?: string;
  readonly name?: string;
  readonly store?: StoreKind;
  readonly faults: string;
  readonly seed?: string;
  readonly directory?: string;
  readonly keep?: boolean;
  readonly socketDir: string;
  readonly shared?: string;
  readonly servers?: string;
  readonly endpoint?: string;
  readonly node?: string;
  readonly preempt?: boolean;
  readonly json?: boolean;
}

const HOMES = '/var/lib/drydock/drivers';

/** `drydock driver start` */
export function startCommand(): Command {
  const profiles = driverProfiles.map(({ name }) => name);
  return new Command('start')
    .description('Runs a driver as a Docker volume plugin until Ctrl-C, and leaves nothing behind')
    .addOption(new Option('--profile <name>', 'which driver, see `drydock driver list`').choices(profiles))
    .option('--name <name>', 'name of the plugin (default: that of the profile)')
    .addOption(new Option('--store <kind>', "what holds the data (default: the profile's)").choices([...storeKinds]))
    .option('--faults <terms>', 'misbehave: "mount: 1*off -> 1*error(busy) -> delay(200ms); get[v1]: 25%hang"', '')
    .option('--seed <number>', 'repeats the random choices of another run')
    .option('--directory <path>', `where its data and records are (default: below ${HOMES})`)
    .option('--keep', 'keep data and records for the next start; mounts are undone all the same')
    .option('--socket-dir <path>', 'where clients look for the socket', '/run/docker/plugins')
    .option('--shared <path>', 'data that several nodes share (default: in its own directory)')
    .option('--servers <hosts>', 'gluster servers, HOST[,HOST...], whose volumes --store glusterfs mounts')
    .option('--endpoint <url>', 'the service of another node that knows the volumes (default: one of its own)')
    .option('--node <id>', "this node's name to that service")
    .option('--preempt', 'take a volume that another node has attached')
    .option('--json', 'print one JSON object when it is ready')
    .action(async (flags: StartFlags) => {
      await start(flags);
    });
}

async function start(flags: StartFlags): Promise<void> {
  if (flags.profile === undefined)
    throw new StartUsageError('Expected --profile, one that `drydock driver list` explains');
  const profile = withAttach(findProfile(flags.profile), flags);
  const name = flags.name ?? profile.name;
  refuseUnusable(flags, name, profile);
  const { promise: told, resolve: stop } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop());
  await using _socketDirectory = await ensureSocketDirectory(flags.socketDir);
  await using home = await takeDriverHome(flags.directory ?? join(HOMES, name), { keepsFiles: flags.keep === true });
  const driver = await startFakeDriver({
    socketPath: join(flags.socketDir, `${name}.sock`),
    profile,
    directory: home.directory,
    faults: flags.faults,
    onCrash: () => process.kill(process.pid, 'SIGKILL'),
    ...(flags.store === undefined ? {} : { store: flags.store }),
    ...(flags.seed === undefined ? {} : { seed: Number(flags.seed) }),
    ...sharedOf(flags, home.directory),
    ...(flags.servers === undefined ? {} : { servers: flags.servers.split(',') }),
  });
  process.stdout.write(introduce(driver, { name, directory: home.directory, isJson: flags.json === true }));
  await told;
  await driver.stop({ unmountsAll: true });
  report(driver);
}

/** Makes the directory; disposing removes what was made, unless others use it by then. */
async function ensureSocketDirectory(path: string): Promise<AsyncDisposable> {
  const first = await mkdir(path, { recursive: true });
  return {
    async [Symbol.asyncDispose]() {
      if (first === undefined) return;
      for (let made = path; made.startsWith(first); made = dirname(made)) {
        try {
          await rmdir(made);
        } catch (error) {
          if (['ENOTEMPTY', 'ENOENT', 'EBUSY'].includes(systemCodeOf(error) ?? '')) return;
          throw error;
        }
      }
    },
  };
}

function withAttach(profile: DriverProfile, { preempt }: StartFlags): DriverProfile {
  if (preempt !== true) return profile;
  if (profile.attach !== 'exclusive-refuse') {
    throw new StartUsageError(`Expected --preempt with a profile that attaches exclusively, got ${profile.name}`);
  }
  return { ...profile, attach: 'exclusive-preempt' };
}

function refuseUnusable(flags: StartFlags, name: string, profile: DriverProfile): void {
  const fail = (text: string): never => {
    throw new StartUsageError(text);
  };
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    fail(`Expected --name of letters, digits, dot, dash and underscore, got '${name}'`);
  }
  for (const [flag, path] of [
    ['--directory', flags.directory],
    ['--socket-dir', flags.socketDir],
    ['--shared', flags.shared],
  ]) {
    if (path !== undefined && !isAbsolute(path)) fail(`Expected ${flag} to be an absolute path, got '${path}'`);
  }
  if (flags.seed !== undefined && !/^\d{1,10}$/.test(flags.seed))
    fail(`Expected --seed to be a number, got '${flags.seed}'`);
  if (flags.endpoint !== undefined && flags.shared === undefined) {
    fail('Expected --shared with --endpoint: nodes of one cluster share the data, too');
  }
  if (flags.store === 'glusterfs' && flags.shared !== undefined) {
    fail('Expected no --shared with --store glusterfs: what nodes share is the cluster');
  }
  const store = flags.store ?? profile.store;
  if (store !== 'directory' && process.getuid?.() !== 0) {
    fail(`The store ${store} mounts: run it as root, or with --store directory`);
  }
}

function sharedOf(
  { shared, endpoint, node }: StartFlags,
  home: string,
): { readonly shared?: { directory: string; endpoint?: string; node?: string } } {
  if (shared === undefined && node === undefined) return {};
  return {
    shared: {
      directory: shared ?? join(home, 'shared'),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(node === undefined ? {} : { node }),
    },
  };
}

/** What the clients did wrong, at the end. */
function report(driver: StartedFakeDriver): void {
  const misuses = driver.misuses();
  process.stderr.write(`stopped after ${driver.requests().length} calls, ${misuses.length} of them misuses\n`);
  for (const { kind, text } of misuses) process.stderr.write(`  ${kind}: ${text}\n`);
}
