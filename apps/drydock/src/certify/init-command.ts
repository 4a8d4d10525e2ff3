import { writeFile } from 'node:fs/promises';
import { systemCodeOf } from '@drydock/base/errors';
import { Command } from 'commander';
import { asExitCode, CertifyUsageError, exitCodes } from './exit-codes.ts';

interface InitFlags {
  readonly driver?: string;
  readonly socket?: string;
  readonly out: string;
  readonly force?: boolean;
}

/** `drydock certify init` */
export function initCommand(): Command {
  return new Command('init')
    .description('Asks an installed plugin what it is and writes a manifest to fill in; nothing is created or mounted')
    .option('--driver <name>', 'name of the plugin (required)')
    .option('--socket <path>', 'where it listens (default: looked up by name, as Docker does)')
    .option('--out <file>', 'the manifest', 'driver.yaml')
    .option('--force', 'replace a manifest that is there')
    .action(async (flags: InitFlags) => {
      await asExitCode(async () => await init(flags));
    });
}

async function init({ driver, socket, out, force }: InitFlags): Promise<number> {
  const { draftManifest, probePlugin } = await import('@drydock/certification');
  if (driver === undefined) throw new CertifyUsageError('Expected --driver, the name of the plugin');
  if (socket !== undefined && !socket.startsWith('/')) {
    throw new CertifyUsageError(`Expected --socket to be an absolute path, got '${socket}'`);
  }
  const facts = await probePlugin({ name: driver, ...(socket === undefined ? {} : { socket }) });
  try {
    await writeFile(out, draftManifest(facts), { flag: force === true ? 'w' : 'wx' });
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    throw new CertifyUsageError(`${out} is there already: give another --out, or --force to replace it`);
  }
  process.stdout.write(
    `${driver} answers at ${facts.address}, scope ${facts.scope}; wrote ${out}\n` +
      `Fill it in, then: drydock certify run --manifest ${out} --out certification\n`,
  );
  return exitCodes.granted;
}
