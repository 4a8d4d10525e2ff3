import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DomainError } from '@drydock/base/errors';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY } from '@drydock/cluster';
import { Command } from 'commander';

/** The cluster cannot be started as asked for. */
export class UpUsageError extends DomainError<'UP_USAGE'> {
  readonly code = 'UP_USAGE';
}

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const AGENT_COUNT_MAX = 16;
const DRIVERS: readonly string[] = ['devicemapper', 'vfs'];

interface UpFlags {
  readonly agents: string;
  readonly driver?: string;
  readonly images: string;
}

/** `drydock up` */
export function upCommand(): Command {
  return new Command('up')
    .description('Starts a cluster to play with, in a mount namespace of its own, and stops it at Ctrl-C')
    .option('--agents <count>', `number of agents, 1 to ${AGENT_COUNT_MAX}`, '1')
    .option('--driver <name>', `how convoy keeps volumes: ${DRIVERS.join(' or ')} (default: the first that works)`)
    .option('--images <directory>', 'directory of `docker save` archives, <name>.tar', STANDIN_IMAGES_DIRECTORY)
    .action(async (flags: UpFlags) => {
      await up(flags);
    });
}

async function up(flags: UpFlags): Promise<void> {
  const agentCount = Number(flags.agents);
  if (!Number.isInteger(agentCount) || agentCount < 1 || agentCount > AGENT_COUNT_MAX) {
    throw new UpUsageError(`Expected --agents to be a number from 1 to ${AGENT_COUNT_MAX}, got '${flags.agents}'`);
  }
  if (flags.driver !== undefined && !DRIVERS.includes(flags.driver)) {
    throw new UpUsageError(`Expected --driver to be ${DRIVERS.join(' or ')}, got '${flags.driver}'`);
  }
  if (process.getuid?.() !== 0) throw new UpUsageError('A cluster mounts volumes: run it as root');
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  await using cluster = await LocalCluster.create({ imagesDirectory: flags.images });
  await cluster.startMaster();
  await cluster.startConvoy(flags.driver === undefined ? [] : ['--drivers', flags.driver]);
  for (let count = 0; count < agentCount && !stopping.signal.aborted; count += 1) await cluster.startAgent();
  if (!stopping.signal.aborted) {
    process.stdout.write(introduction(cluster));
    await once(stopping.signal, 'abort');
  }
  process.stderr.write('stopping the cluster\n');
}

/** The lines to copy. */
function introduction(cluster: LocalCluster): string {
  const agents = cluster.agents.map(({ name, address, workDir }) => `# ${name}: http://${address}/state, ${workDir}`);
  return [
    `# master: http://${cluster.master}/state`,
    ...agents,
    `# logs: ${cluster.directory}/logs`,
    '# In another terminal, as root:',
    cluster.enterCommand,
    `cd ${ROOT}`,
    'npx convoy create myvolume',
    `npx mesos-execute --master=${cluster.master} --name=test --docker_image=ubuntu:14.04 --command="touch /tmp/myvolume/myfile" --volumes=fixtures/volumes/myvolume.json`,
    '# Ctrl-C here stops everything',
    '',
  ].join('\n');
}
