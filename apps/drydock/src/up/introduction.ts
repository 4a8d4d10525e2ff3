/** What a person, or a program, gets to know of a cluster that is up. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LocalCluster } from '@drydock/cluster';
import type { UpDriver } from './up-drivers.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');

/** `--json` prints it. */
export interface UpFacts {
  /** `ip:port` */
  readonly master: string;
  readonly agents: readonly { readonly name: string; readonly address: string; readonly workDir: string }[];
  readonly drivers: readonly UpDriver[];
  /** Everything of the cluster lies below it. */
  readonly directory: string;
  /** Gives a shell inside. */
  readonly enter: string;
}

/** Writes the script that gives a shell inside, with the bins in its PATH, and gathers the rest. */
export async function upFacts(cluster: LocalCluster, drivers: readonly UpDriver[]): Promise<UpFacts> {
  const script = join(cluster.directory, 'enter');
  const lines = [
    '# Enters the namespace of this cluster, in the checkout.',
    'export DRYDOCK_PATH="$PATH"',
    `exec ${cluster.enterCommand} -c 'cd "$1" && PATH="$1/node_modules/.bin:$DRYDOCK_PATH" PS1="(drydock) \\w\\\\$ " exec bash --norc' bash '${ROOT}'`,
    '',
  ];
  await writeFile(script, lines.join('\n'));
  return {
    master: cluster.master,
    agents: cluster.agents.map(({ name, address, workDir }) => ({ name, address, workDir })),
    drivers,
    directory: cluster.directory,
    enter: `sh ${script}`,
  };
}

/** The lines to copy; what is no command begins with `#`. */
export function introduction(facts: UpFacts): string {
  const { master, agents, drivers, directory, enter } = facts;
  const [agent] = agents;
  const latest = `"$(ls -td ${agents.map(({ workDir }) => `${workDir}/slaves/latest/frameworks/*/executors/test/runs/latest`).join(' ')} 2>/dev/null | head -n 1)/stdout"`;
  return [
    `# master: http://${master}/state`,
    ...agents.map(({ name, address, workDir }) => `# ${name}: http://${address}/state, ${workDir}`),
    ...drivers.map(({ name, summary }) => `# driver ${name}: ${summary}`),
    `# logs: ${directory}/logs`,
    '# a shell inside, in another terminal, as the same user:',
    enter,
    '# a task that writes to a volume, one that reads it, and what that one printed:',
    ...drivers.flatMap((driver) => [
      execute(master, driver, 'date > volume/date'),
      execute(master, driver, 'ls -l volume'),
      `cat ${latest}`,
    ]),
    `curl -s http://${master}/state`,
    ...(agent === undefined ? [] : [`curl -s http://${agent.address}/containers`]),
    '# Ctrl-C here stops everything and removes it',
    '',
  ].join('\n');
}

function execute(master: string, driver: UpDriver, command: string): string {
  const parameter = Object.entries(driver.options).map(([key, value]) => ({ key, value }));
  const volume = {
    container_path: 'volume',
    mode: 'RW',
    source: {
      type: 'DOCKER_VOLUME',
      docker_volume: {
        driver: driver.name,
        name: 'example',
        ...(parameter.length === 0 ? {} : { driver_options: { parameter } }),
      },
    },
  };
  const flags = `--master=${master} --name=test --docker_image=ubuntu:14.04 --command="${command}"`;
  return `npx mesos-execute ${flags} --volumes='${JSON.stringify([volume])}'`;
}
