import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemCodeOf } from '@drydock/base/errors';
import type { CertificationResult, JudgedTier } from '@drydock/certification';
import { clientNames, type ClientName } from '@drydock/volume-plugin';
import { Command } from 'commander';
import { asExitCode, CertifyUsageError, exitCodes } from './exit-codes.ts';
import { createProgress } from './progress.ts';

export interface RunFlags {
  readonly manifest?: string;
  readonly tier: string;
  readonly client?: string;
  readonly check?: readonly string[];
  readonly seed?: string;
  readonly out: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

/** `drydock certify run` */
export function runCommand(): Command {
  return new Command('run')
    .description('Runs the checks against the driver of a manifest and writes what came of it')
    .option('--manifest <file>', 'what `certify init` wrote, filled in (required)')
    .option('--tier <tiers>', 'core, or resilient, which has core in it; several with commas', 'core')
    .option('--client <clients>', 'dvdcli-0.1, dvdcli-0.2, engine (default: both of dvdcli)')
    .option('--check <id...>', 'only these checks')
    .option('--seed <number>', 'repeats the random choices of another run')
    .option(
      '--out <directory>',
      'gets report.html, result.json, junit.xml, ctrf.json and history.ndjson',
      'certification',
    )
    .option(
      '--state-dir <directory>',
      `journals, by which a run cleans up after one that crashed (default: ${stateDirectory()})`,
    )
    .option('--json', 'print the result as one JSON object, progress on stderr')
    .action(async (flags: RunFlags) => {
      await asExitCode(async () => await runChecks(flags));
    });
}

export async function runChecks(flags: RunFlags): Promise<number> {
  const { certify, parseManifest, refuseManagedName, writeReports } = await import('@drydock/certification');
  if (flags.manifest === undefined) throw new CertifyUsageError('Expected --manifest, which `certify init` writes');
  const manifest = parseManifest(await readManifest(flags.manifest), flags.manifest);
  refuseManagedName(manifest.name);
  const tiers = await parseTiers(flags.tier);
  const clients = flags.client === undefined ? undefined : parseClients(flags.client);
  const ids = flags.check === undefined ? undefined : await parseIds(flags.check);
  if (flags.seed !== undefined && !/^\d{1,10}$/.test(flags.seed)) {
    throw new CertifyUsageError(`Expected --seed to be a number, got '${flags.seed}'`);
  }
  const out = resolve(flags.out);
  await refuseForeignDirectory(out);
  using interrupted = interruption();
  const result = await certify({
    manifest,
    tiers,
    outDirectory: out,
    stateDirectory: resolve(flags.stateDir ?? stateDirectory()),
    signal: interrupted.signal,
    onProgress: createProgress({ isTerminal: process.stderr.isTTY }),
    command: commandOf(flags),
    rerunCommand: (id) => `drydock certify rerun ${flags.out} ${id}`,
    ...(clients === undefined ? {} : { clients }),
    ...(ids === undefined ? {} : { ids }),
    ...(flags.seed === undefined ? {} : { seed: Number(flags.seed) }),
  });
  const files = await writeReports(result, out);
  if (flags.json === true) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  else
    process.stdout.write((await import('./summary.ts')).summarize(result, { isTerminal: process.stdout.isTTY, files }));
  return exitCodeOf(result);
}

/** What failed decides before what could not be judged. */
export function exitCodeOf({ verdicts, run }: Pick<CertificationResult, 'verdicts' | 'run'>): number {
  const outcomes = Object.values(verdicts).map(({ outcome }) => outcome);
  if (outcomes.includes('refused')) return exitCodes.refused;
  return run.isInterrupted || outcomes.includes('error') ? exitCodes.harness : exitCodes.granted;
}

async function readManifest(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    throw new CertifyUsageError(`There is no manifest ${file}: drydock certify init --driver NAME writes one`);
  }
}

async function parseTiers(text: string): Promise<readonly JudgedTier[]> {
  const { judgedTiers } = await import('@drydock/certification');
  return text.split(',').map((given) => {
    const tier = judgedTiers.find((known) => known === given.trim());
    if (tier !== undefined) return tier;
    throw new CertifyUsageError(`Expected --tier to be of ${judgedTiers.join(', ')}, got '${given}'`);
  });
}

function parseClients(text: string): readonly ClientName[] {
  return text.split(',').map((given) => {
    const client = clientNames.find((known) => known === given.trim());
    if (client !== undefined) return client;
    throw new CertifyUsageError(`Expected --client to be of ${clientNames.join(', ')}, got '${given}'`);
  });
}

async function parseIds(given: readonly string[]): Promise<readonly string[]> {
  const { findEntry } = await import('@drydock/certification');
  return given.map((id) => {
    const entry = findEntry(id.toUpperCase());
    if (entry === undefined) throw new CertifyUsageError(`There is no check ${id}: see drydock certify list`);
    return entry.id;
  });
}

/** A directory that holds something else than an earlier result is not written into. */
async function refuseForeignDirectory(directory: string): Promise<void> {
  const isThere = async (path: string): Promise<boolean> => {
    try {
      await stat(path);
      return true;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return false;
      throw error;
    }
  };
  if (!(await isThere(directory))) return;
  const { readdir } = await import('node:fs/promises');
  const names = await readdir(directory).catch(() => undefined);
  if (names === undefined) throw new CertifyUsageError(`Expected --out to be a directory, got ${directory}`);
  if (names.length > 0 && !names.includes('history.ndjson')) {
    throw new CertifyUsageError(`${directory} holds other things than a result: give another --out`);
  }
}

/** Where journals of runs are kept, so that the next run finds what a crashed one left. */
function stateDirectory(): string {
  if (process.geteuid?.() === 0) return '/var/lib/drydock/certify';
  return join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'drydock', 'certify');
}

/** The first Ctrl-C ends the check in the making, cleans up and writes the reports; the second ends at once. */
function interruption(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.harness);
    process.stderr.write('\nCleaning up; once more to end at once (the next run cleans up then)\n');
    controller.abort(new Error('interrupted'));
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
    },
  };
}

function commandOf(flags: RunFlags): string {
  const { manifest, tier, client, check = [], seed, out } = flags;
  return [
    'drydock certify run',
    `--manifest ${manifest} --tier ${tier}`,
    ...(client === undefined ? [] : [`--client ${client}`]),
    ...(check.length === 0 ? [] : [`--check ${check.join(' ')}`]),
    ...(seed === undefined ? [] : [`--seed ${seed}`]),
    `--out ${out}`,
  ].join(' ');
}
