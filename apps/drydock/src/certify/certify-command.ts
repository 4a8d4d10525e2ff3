import { Command } from 'commander';
import { diffCommand } from './diff-command.ts';
import { explainCommand } from './explain-command.ts';
import { initCommand } from './init-command.ts';
import { listCommand } from './list-command.ts';
import { rerunCommand } from './rerun-command.ts';
import { runCommand } from './run-command.ts';
import { exitCodes } from './exit-codes.ts';

/** `drydock certify` */
export function certifyCommand(): Command {
  const command = new Command('certify')
    .description('Certifies a Docker volume driver for the docker/volume isolator of Mesos')
    .addCommand(initCommand())
    .addCommand(runCommand())
    .addCommand(listCommand())
    .addCommand(explainCommand())
    .addCommand(rerunCommand())
    .addCommand(diffCommand())
    .addHelpText('after', '\nExit codes: 0 granted, 1 refused, 2 usage, 3 the suite could not judge');
  for (const each of [command, ...command.commands]) {
    each.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitCodes.usage));
  }
  return command;
}
