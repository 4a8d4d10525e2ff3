import { access } from 'node:fs/promises';
import { DomainError } from '@drydock/base/errors';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY, isOrdinaryUser } from '@drydock/cluster';
import { Command } from 'commander';
import { ORDINARY_USER_LIMITS, ordinaryUserProblem } from '../ordinary-user.ts';
import { introduction, upFacts } from './introduction.ts';
import { driverNames, startDriver, type UpDriver } from './up-drivers.ts';

/** The cluster cannot be started as asked for. */
export class UpUsageError extends DomainError<'UP_USAGE'> {
  readonly code = 'UP_USAGE';
}

const AGENT_COUNT_MAX = 16;

interface UpFlags {
  readonly agents: string;
  readonly driver: readonly string[];
  readonly images: string;
  readonly json?: boolean;
}

/** `drydock up` */
export function upCommand(): Command {
  return new Command('up')
    .description('Starts a cluster to play with, in a mount namespace of its own, and stops it at Ctrl-C')
    .option('--agents <count>', `number of agents, 1 to ${AGENT_COUNT_MAX}`, '1')
    .option(
      '--driver <name...>',
      `volume drivers: ${driverNames.join(', ')}; \`drydock driver list\` explains them`,
      driverNames.slice(0, 1),
    )
    .option('--images <directory>', 'directory of `docker save` archives, <name>.tar', STANDIN_IMAGES_DIRECTORY)
    .option('--json', 'print one JSON object on stdout when the cluster is up')
    .action(async (flags: UpFlags) => {
      await up(flags);
    });
}

async function up(flags: UpFlags): Promise<void> {
  const agentCount = await checkFlags(flags);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  const say = (text: string): void => void process.stderr.write(`# ${text}\n`);
  if (isOrdinaryUser()) {
    say('you are not root, so this is a user namespace in which you are:');
    for (const limit of ORDINARY_USER_LIMITS) say(`- ${limit}`);
  }
  await using cluster = await LocalCluster.create({ imagesDirectory: flags.images });
  const drivers: UpDriver[] = [];
  const steps = [
    { what: 'the master', start: async () => await cluster.startMaster() },
    ...[...new Set(flags.driver)].map((name) => ({
      what: `the driver ${name}`,
      start: async () => void drivers.push(await startDriver(cluster, name)),
    })),
    ...Array.from({ length: agentCount }, (_, index) => ({
      what: `agent ${index + 1} of ${agentCount}`,
      start: async () => void (await cluster.startAgent({ flags: [`--attributes=node:${index + 1}`] })),
    })),
  ];
  for (const { what, start } of steps) {
    if (stopping.signal.aborted) break;
    say(`starting ${what}`);
    await start();
  }
  if (!stopping.signal.aborted) {
    const facts = await upFacts(cluster, drivers);
    process.stdout.write(flags.json === true ? `${JSON.stringify(facts, undefined, 2)}\n` : introduction(facts));
    await cluster.runUntil(stopping.signal);
  }
  say('stopping the cluster');
}

/** Everything that can be wrong before anything is started. @returns the number of agents @throws UpUsageError */
async function checkFlags(flags: UpFlags): Promise<number> {
  const agentCount = Number(flags.agents);
  if (!Number.isInteger(agentCount) || agentCount < 1 || agentCount > AGENT_COUNT_MAX) {
    throw new UpUsageError(`Expected --agents to be a number from 1 to ${AGENT_COUNT_MAX}, got '${flags.agents}'`);
  }
  for (const name of flags.driver) {
    if (!driverNames.includes(name)) {
      throw new UpUsageError(`Expected --driver to be one of ${driverNames.join(', ')}; got '${name}'`);
    }
  }
  try {
    await access(flags.images);
  } catch (error) {
    const hint = flags.images === STANDIN_IMAGES_DIRECTORY ? '; `npm run setup` builds the stand-in image' : '';
    throw new UpUsageError(`Expected --images to be a directory of archives, got '${flags.images}'${hint}`, {
      cause: error,
    });
  }
  const problem = isOrdinaryUser() ? await ordinaryUserProblem() : undefined;
  if (problem !== undefined) throw new UpUsageError(problem);
  return agentCount;
}
