/** Command line in, exit status out: 0 after SIGTERM or SIGINT, 1 when something is wrong, 128 + n at a second signal. */
import { constants } from 'node:os';
import { DomainError } from '@drydock/base/errors';
import { UsageError, parseFlags, usage } from './flags.ts';
import { createLog } from './log.ts';
import { runFramework } from './run-framework.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const flags = parseFlags(argv);
    if (flags === 'help') {
      process.stdout.write(usage());
      return 0;
    }
    const log = createLog(flags.isJson, (line) => void process.stdout.write(line));
    await runFramework(flags, { signal: toldToEnd(), log });
    return 0;
  } catch (error) {
    process.stderr.write(`example-framework: ${textOf(error)}\n`);
    if (error instanceof UsageError) process.stderr.write("Run 'example-framework --help' for usage.\n");
    return 1;
  }
}

/** Aborts at the first SIGTERM or SIGINT. The second one waits for nothing. */
function toldToEnd(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending.signal.aborted) process.exit(128 + constants.signals[signal]);
      ending.abort();
    });
  }
  return ending.signal;
}

/** An operating error is told in one line; a mistake in this program keeps its stack. */
function textOf(error: unknown): string {
  if (error instanceof DomainError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
