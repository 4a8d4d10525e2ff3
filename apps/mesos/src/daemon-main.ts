import { messageOf } from '@drydock/base/errors';
import { FlagsError, parseFlags, usage, type FlagTable, type ParsedFlags } from '@drydock/base/gflags';
import { createLogger, type Logger } from '@drydock/base/log';
import { openLogFile } from './log-file.ts';

/** A daemon's command line and life: what `main.ts` of master and agent have in common. */
export interface DaemonOptions<T extends FlagTable> {
  readonly name: string;
  readonly summary: string;
  readonly flags: T;
  /** What stops the daemon in order; default SIGTERM and SIGINT. */
  readonly stopSignals?: readonly NodeJS.Signals[];
  /** Runs until `signal` aborts, whose reason is the name of the signal; rejects when it cannot start or go on. */
  readonly run: (
    parsed: ParsedFlags<T>,
    context: { readonly logger: Logger; readonly signal: AbortSignal },
  ) => Promise<void>;
}

const DEFAULT_STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Flags and environment in, exit status out. A stop signal ends the daemon in order, a second one at once; problems go
 * to stderr with the usage where the command line is wrong.
 */
export async function daemonMain<T extends FlagTable>(options: DaemonOptions<T>): Promise<number> {
  const help = usage(options.name, options.summary, options.flags, { readsEnvironment: true });
  let writeToFile: ((line: string) => void) | undefined;
  const write = (line: string): void => {
    process.stderr.write(line);
    writeToFile?.(line);
  };
  try {
    const parsed = parseFlags(options.flags, process.argv.slice(2), { env: process.env });
    if (parsed.isHelp) {
      process.stdout.write(help);
      return 0;
    }
    const { log_dir: logDir } = parsed.texts;
    if (logDir !== undefined) writeToFile = openLogFile(logDir, options.name);
    const stopping = new AbortController();
    for (const signal of options.stopSignals ?? DEFAULT_STOP_SIGNALS) {
      process.on(signal, () => {
        // The second one does not wait for anything.
        if (stopping.signal.aborted) process.exit(1);
        stopping.abort(signal);
      });
    }
    await options.run(parsed, { logger: createLogger({ component: options.name, write }), signal: stopping.signal });
    return 0;
  } catch (error) {
    write(`${messageOf(error)}\n${error instanceof FlagsError ? `\n${help}` : ''}`);
    return 1;
  }
}
