import { Command } from 'commander';
import { certifyCommand } from './certify/certify-command.ts';
import { driverCommand } from './driver/driver-command.ts';
import { doctorCommand } from './doctor/doctor-command.ts';
import { scenarioCommand } from './scenario/scenario-command.ts';
import { upCommand } from './up/up-command.ts';

/** `drydock` with all its commands. */
export function createProgram(): Command {
  return new Command('drydock')
    .description('Reference implementation and test harness of the Apache Mesos docker/volume isolator')
    .addCommand(scenarioCommand())
    .addCommand(upCommand())
    .addCommand(doctorCommand())
    .addCommand(driverCommand())
    .addCommand(certifyCommand());
}
