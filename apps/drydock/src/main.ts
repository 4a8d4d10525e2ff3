import { messageOf } from '@drydock/base/errors';
import { Command } from 'commander';
import { scenarioCommand } from './scenario/scenario-command.ts';

const program = new Command('drydock')
  .description('Reference implementation and test harness of the Apache Mesos docker/volume isolator')
  .addCommand(scenarioCommand());

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`drydock: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
