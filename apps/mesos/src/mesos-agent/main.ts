import { daemonMain } from '../daemon-main.ts';
import { MESOS_VERSION } from '../version.ts';
import { agentFlags } from './flags.ts';
import { runAgent } from './run-agent.ts';

process.exit(
  await daemonMain({
    name: 'mesos-agent',
    summary: 'Runs the tasks of frameworks in containers on this machine.',
    flags: agentFlags,
    stopSignals: ['SIGTERM', 'SIGINT', 'SIGUSR1'],
    run: async ({ values: flags, texts: flagTexts }, context) =>
      await runAgent({ flags, flagTexts, path: process.env['PATH'] ?? '', version: MESOS_VERSION, ...context }),
  }),
);
