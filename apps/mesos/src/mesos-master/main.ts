import { daemonMain } from '../daemon-main.ts';
import { MESOS_VERSION } from '../version.ts';
import { masterFlags } from './flags.ts';
import { runMaster } from './run-master.ts';

process.exit(
  await daemonMain({
    name: 'mesos-master',
    summary: 'Takes agents and frameworks and launches the tasks of these on those.',
    flags: masterFlags,
    run: async ({ values: flags, texts: flagTexts }, context) =>
      await runMaster({ flags, flagTexts, version: MESOS_VERSION, ...context }),
  }),
);
