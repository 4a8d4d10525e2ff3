import { Command } from 'commander';
import { listCommand } from './list-command.ts';
import { serviceCommand } from './service-command.ts';
import { startCommand } from './start-command.ts';

/** `drydock driver` */
export function driverCommand(): Command {
  return new Command('driver')
    .description('Volume drivers that behave as real ones do: convoy, flocker, glusterfs, rexray, and traps')
    .addCommand(listCommand())
    .addCommand(startCommand())
    .addCommand(serviceCommand());
}
