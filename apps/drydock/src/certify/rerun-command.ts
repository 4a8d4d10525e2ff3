import { Command } from 'commander';
import { asExitCode } from './exit-codes.ts';
import { readResult } from './read-result.ts';
import { runChecks } from './run-command.ts';

interface RerunFlags {
  readonly manifest?: string;
  readonly out?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

/** `drydock certify rerun` */
export function rerunCommand(): Command {
  return new Command('rerun')
    .description('Runs one check of an earlier result again, with its seed')
    .argument('<directory>', 'of the earlier result')
    .argument('<id>', 'of the check, CNT-001')
    .option('--manifest <file>', 'the manifest (default: that of the earlier run)')
    .option('--out <directory>', 'gets the new result (default: rerun-ID in the directory)')
    .option('--state-dir <directory>', 'journals (default: that of certify run)')
    .option('--json', 'print the result as one JSON object, progress on stderr')
    .action(async (directory: string, id: string, flags: RerunFlags) => {
      await asExitCode(async () => {
        const earlier = await readResult(directory);
        const manifest = flags.manifest ?? /--manifest (\S+)/.exec(earlier.run.command)?.[1] ?? 'driver.yaml';
        return await runChecks({
          manifest,
          tier: earlier.requirementSet.tiersAsked.join(','),
          check: [id],
          seed: `${earlier.run.seed}`,
          out: flags.out ?? `${directory}/rerun-${id.toLowerCase()}`,
          ...(flags.stateDir === undefined ? {} : { stateDir: flags.stateDir }),
          ...(flags.json === true ? { json: true } : {}),
        });
      });
    });
}
