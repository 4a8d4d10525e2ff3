/**
 * The `dvdcli` command: one volume command through a Docker volume plugin, with the calls, output and exit codes of
 * dvdcli 0.2.x or 0.1.0.
 */
import { assertNever } from '@drydock/base/errors';
import { CommandLineError, parseCommandLine, type CommandLine } from './command-line.ts';
import type { Compat } from './compat.ts';
import { usage } from './usage.ts';
import { runVolumeCommand } from './volume-command.ts';
import type { DvdcliWorld } from './world.ts';

/** Runs one command line; gives the exit code. */
export async function runDvdcli(argv: readonly string[], world: DvdcliWorld): Promise<number> {
  const line = readCommandLine(argv, world);
  if (line === undefined) return 1;
  switch (line.kind) {
    case 'no-command':
      world.stderr(usage(line.compat));
      return 0;
    case 'help':
      // As dvdcli: the program's help goes to stdout, that of a command to stderr.
      (line.command === undefined ? world.stdout : world.stderr)(usage(line.compat, line.command));
      return 0;
    case 'version':
      world.stdout(versionText(line.compat));
      return 0;
    case 'volume':
      return await runVolumeCommand(line, world);
    default:
      return assertNever(line);
  }
}

function readCommandLine(argv: readonly string[], world: DvdcliWorld): CommandLine | undefined {
  try {
    return parseCommandLine(argv, world.env);
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    world.stderr(`${usage(error.compat, error.command)}Error: ${error.message}\nRun 'dvdcli --help' for usage.\n`);
    return undefined;
  }
}

/** The six lines of dvdcli; the values are this program's own. */
function versionText(compat: Compat): string {
  return [
    `Binary: ${process.argv[1] ?? 'dvdcli'}`,
    `SemVer: ${compat === '0.1' ? '0.1.0' : '0.2.1'}+drydock`,
    `OsArch: ${process.platform}-${process.arch}`,
    'Branch: main',
    'Commit: none',
    'Formed: from source',
    '',
  ].join('\n');
}
