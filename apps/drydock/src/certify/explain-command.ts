import { Command } from 'commander';
import { asExitCode, CertifyUsageError, exitCodes } from './exit-codes.ts';

/** `drydock certify explain` */
export function explainCommand(): Command {
  return new Command('explain')
    .description('Explains a check: what it does, what must hold, and what is behind it')
    .argument('<id>', 'of the check, CNT-001')
    .option('--json', 'print one JSON object')
    .action(async (id: string, flags: { readonly json?: boolean }) => {
      await asExitCode(async () => {
        process.stdout.write(await explain(id, flags.json === true));
        return exitCodes.granted;
      });
    });
}

async function explain(id: string, isJson: boolean): Promise<string> {
  const { findEntry, hasBody } = await import('@drydock/certification');
  const entry = findEntry(id.toUpperCase());
  if (entry === undefined) throw new CertifyUsageError(`There is no check ${id}: see drydock certify list`);
  if (isJson) return `${JSON.stringify({ ...entry, isEnabled: hasBody(entry.id) }, undefined, 2)}\n`;
  const { level, tier, revision, title, steps, pass, clients, capability, evidence, source } = entry;
  const under =
    clients === 'once' ? 'the bare protocol, once' : clients === 'every' ? 'each client asked for' : clients.join(', ');
  return [
    `${entry.id}  ${title}`,
    '',
    `  ${level} of the tier ${tier}, revision ${revision}${hasBody(entry.id) ? '' : ', disabled in this version'}`,
    `  runs under    ${under}`,
    ...(capability === undefined ? [] : [`  only with     ${capability}`]),
    ...steps.map((step, index) => `  ${index === 0 ? 'steps       ' : '            '}  ${index + 1}. ${step}`),
    `  passes when   ${pass}`,
    `  keeps         requests, answers, mount table; ${evidence.join('; ')}`,
    `  because       ${source}`,
    '',
  ].join('\n');
}
