import { mkdir, realpath } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { DomainError } from '@drydock/base/errors';
import { driverProfiles, findProfile, serviceOf, startEmulator } from '@drydock/fake-drivers';
import { Command, Option } from 'commander';

/** The service cannot be started as asked for. */
class ServiceUsageError extends DomainError<'SERVICE_USAGE'> {
  readonly code = 'SERVICE_USAGE';
}

interface ServiceFlags {
  readonly profile?: string;
  readonly shared?: string;
  readonly ip: string;
  readonly port: string;
  readonly json?: boolean;
}

/** `drydock driver service` */
export function serviceCommand(): Command {
  const profiles = driverProfiles.filter((profile) => serviceOf(profile) !== undefined).map(({ name }) => name);
  return new Command('service')
    .description('Runs the service that drivers on several hosts share (a cloud, a control service) until Ctrl-C')
    .addOption(new Option('--profile <name>', 'whose service').choices(profiles))
    .option('--shared <path>', 'the data that the drivers share: their --shared')
    .option('--ip <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on, 0 for any free one', '0')
    .option('--json', 'print one JSON object when it is ready')
    .action(async (flags: ServiceFlags) => {
      await serve(flags);
    });
}

async function serve(flags: ServiceFlags): Promise<void> {
  const { profile, shared } = flags;
  if (profile === undefined) throw new ServiceUsageError('Expected --profile, one that `drydock driver list` explains');
  const kind = serviceOf(findProfile(profile));
  if (kind === undefined) throw new ServiceUsageError(`${profile} needs no service`);
  if (shared === undefined || !isAbsolute(shared)) {
    throw new ServiceUsageError(`Expected --shared to be an absolute path, got '${shared ?? ''}'`);
  }
  const port = Number(flags.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ServiceUsageError(`Expected --port to be 0 to 65535, got '${flags.port}'`);
  }
  const { promise: told, resolve: stop } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop());
  await mkdir(shared, { recursive: true });
  await using service = await startEmulator(kind, { directory: await realpath(shared), ip: flags.ip, port });
  const { endpoint } = service;
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify({ endpoint, pid: process.pid })}\n`
      : `The service of ${profile} is at ${endpoint}; drivers: --shared ${shared} --endpoint ${endpoint}\n`,
  );
  await told;
}
