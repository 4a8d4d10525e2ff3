import { access, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DomainError } from '@drydock/base/errors';
import { STANDIN_IMAGES_DIRECTORY, isOrdinaryUser } from '@drydock/cluster';
import { Command, Option } from 'commander';
import { createReporter } from './reporter.ts';
import { ordinaryUserProblem } from '../ordinary-user.ts';
import { runScenario } from './run-scenario.ts';

/** The scenario cannot be run as asked for. */
export class ScenarioUsageError extends DomainError<'SCENARIO_USAGE'> {
  readonly code = 'SCENARIO_USAGE';
}

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const IMAGE = 'ubuntu:14.04';

const CLIENTS = ['dvdcli', 'plugin'] as const;
const DVDCLI_COMPATS = ['0.1', '0.2'] as const;

interface ScenarioFlags {
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly image?: string;
  readonly client: (typeof CLIENTS)[number];
  readonly dvdcliCompat?: (typeof DVDCLI_COMPATS)[number];
  readonly inDocker?: boolean;
}

/** `drydock scenario` */
export function scenarioCommand(): Command {
  return new Command('scenario')
    .description("Runs the document's touch/ls story with real processes and checks it; exit 0 only if all of it holds")
    .option('--json', 'print one JSON object on stdout instead of the story')
    .option('--keep', 'leave the cluster up until Ctrl-C and say how to look around in it')
    .option('--image <archive>', `a \`docker save\` archive to use as ${IMAGE} instead of the stand-in`)
    .addOption(
      new Option('--client <name>', 'who talks to the volume driver: dvdcli, or the agent itself')
        .choices([...CLIENTS])
        .default('dvdcli'),
    )
    .addOption(
      new Option('--dvdcli-compat <version>', 'the dvdcli to behave as; default: 0.2').choices([...DVDCLI_COMPATS]),
    )
    .option('--in-docker', 'run it inside one container: needs a Docker Engine, and neither Linux nor root')
    .action(async (flags: ScenarioFlags) => {
      process.exitCode = await runCommand(flags);
    });
}

async function runCommand(flags: ScenarioFlags): Promise<number> {
  if (flags.client === 'plugin' && flags.dvdcliCompat !== undefined) {
    throw new ScenarioUsageError('Expected --dvdcli-compat without --client=plugin: no dvdcli is run with it');
  }
  if (flags.inDocker === true) return await runContained(flags);
  const problem = isOrdinaryUser() ? await ordinaryUserProblem() : undefined;
  if (problem !== undefined) throw new ScenarioUsageError(problem);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort());
  const images = await openImages(flags.image);
  const reporter = createReporter({ isJson: flags.json === true, isTerminal: process.stdout.isTTY });
  try {
    const result = await runScenario({
      imagesDirectory: images.directory,
      imageNote: images.note,
      volumesFile: join(ROOT, 'fixtures', 'volumes', 'myvolume.json'),
      isKept: flags.keep === true,
      isOrdinaryUser: isOrdinaryUser(),
      agentFlags: flags.client === 'dvdcli' ? [] : [`--docker_volume_client=${flags.client}`],
      ...(flags.dvdcliCompat === undefined ? {} : { dvdcliCompat: flags.dvdcliCompat }),
      reporter,
      signal: stopping.signal,
    });
    reporter.finish(result);
    return result.isPassed ? 0 : 1;
  } finally {
    await images.remove();
  }
}

async function runContained(flags: ScenarioFlags): Promise<number> {
  const { image, keep, json, client, dvdcliCompat } = flags;
  if (image !== undefined || keep === true) {
    throw new ScenarioUsageError(
      `Expected --in-docker without ${image === undefined ? '--keep' : '--image'}: the container is gone when the story ends`,
    );
  }
  // Loaded only here: testcontainers takes a while.
  const { runInDocker } = await import('./in-docker.ts');
  return await runInDocker([
    `--client=${client}`,
    ...(json === true ? ['--json'] : []),
    ...(dvdcliCompat === undefined ? [] : [`--dvdcli-compat=${dvdcliCompat}`]),
  ]);
}

/** The directory of archives for the agent. */
async function openImages(
  archive: string | undefined,
): Promise<{ readonly directory: string; readonly note: string; readonly remove: () => Promise<void> }> {
  const path = resolve(archive ?? join(STANDIN_IMAGES_DIRECTORY, `${IMAGE}.tar`));
  try {
    await access(path);
  } catch (error) {
    const hint = archive === undefined ? '; `npm run setup` builds the stand-in' : '';
    throw new ScenarioUsageError(`Expected an image archive at ${path}${hint}`, { cause: error });
  }
  if (archive === undefined) {
    const note = `${IMAGE} is a stand-in here, built from this machine's busybox (--image takes a real archive)`;
    return { directory: STANDIN_IMAGES_DIRECTORY, note, remove: async () => await Promise.resolve() };
  }
  const directory = await mkdtemp(join(tmpdir(), 'drydock-images-'));
  await mkdir(directory, { recursive: true });
  await symlink(path, join(directory, `${IMAGE}.tar`));
  const remove = async (): Promise<void> => await rm(directory, { recursive: true });
  return { directory, note: `${IMAGE} is ${path}`, remove };
}
