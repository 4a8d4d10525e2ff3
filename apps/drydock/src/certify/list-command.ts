import { Command, Option } from 'commander';
import { asExitCode, exitCodes } from './exit-codes.ts';

/** `drydock certify list` */
export function listCommand(): Command {
  return new Command('list')
    .description('Lists all checks: those that run, and those that are disabled in this version')
    .addOption(new Option('--format <format>', 'how').choices(['text', 'md', 'json']).default('text'))
    .action(async ({ format }: { readonly format: 'text' | 'md' | 'json' }) => {
      await asExitCode(async () => {
        process.stdout.write(await list(format));
        return exitCodes.granted;
      });
    });
}

async function list(format: 'text' | 'md' | 'json'): Promise<string> {
  const { catalogueGroups, hasBody } = await import('@drydock/certification');
  if (format === 'json') {
    const checks = catalogueGroups.flatMap(({ entries }) =>
      entries.map((entry) => ({ ...entry, isEnabled: hasBody(entry.id) })),
    );
    return `${JSON.stringify(checks, undefined, 2)}\n`;
  }
  const groups = catalogueGroups.map(({ name, title, entries }) => {
    const rows = entries.map(({ id, level, tier, title: what }) => {
      const state = hasBody(id) ? '' : 'disabled';
      return format === 'md'
        ? `| ${id} | ${level} | ${tier} | ${what}${state === '' ? '' : ' (disabled)'} |`
        : `  ${id}  ${level.padEnd(6)}  ${tier.padEnd(11)}  ${state.padEnd(8)}  ${what}`;
    });
    const head =
      format === 'md'
        ? [`## ${name}: ${title}`, '', '| id | level | tier | check |', '|---|---|---|---|']
        : [`${name}: ${title}`];
    return `${[...head, ...rows].join('\n')}\n`;
  });
  return groups.join('\n');
}
