import { appendFileSync } from 'node:fs';
import { messageOf } from '@drydock/base/errors';
import { toLogrusLine } from '@drydock/base/logrus-text';
import { reportFailure, runClientCommand, type Output } from './client/client.ts';
import { CommandLineError, parseCommandLine, type CommandLine, type DaemonFlags } from './command-line.ts';
import { startDaemon } from './daemon/daemon.ts';
import { usage } from './usage.ts';
import { versionLine } from './version.ts';

const output: Output = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
};

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  let line: CommandLine;
  try {
    line = parseCommandLine(argv);
  } catch (error) {
    if (error instanceof CommandLineError) return reportFailure(error, output);
    throw error;
  }
  switch (line.kind) {
    case 'version':
      output.stdout(versionLine(line.version));
      return 0;
    case 'help':
      output.stdout(usage(line.command));
      return 0;
    case 'daemon':
      return await runDaemon(line.flags);
    default:
      return await runClientCommand(line, output);
  }
}

/** Serves until SIGTERM or SIGINT; a second signal does not wait for the calls in the making. */
async function runDaemon(flags: DaemonFlags): Promise<number> {
  const { promise: told, resolve } = Promise.withResolvers<void>();
  let isTold = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isTold) process.exit(1);
      isTold = true;
      resolve();
    });
  }
  const log = (level: 'info' | 'warning' | 'error', text: string): void => {
    const line = toLogrusLine(level, text);
    if (flags.logPath === '') output.stderr(line);
    else appendFileSync(flags.logPath, line);
  };
  try {
    await using daemon = await startDaemon(flags, { warn: (text) => log('warning', text) });
    log('info', daemon.summary);
    await told;
    await daemon.stop();
    return 0;
  } catch (error) {
    log('error', messageOf(error));
    if (flags.logPath !== '') output.stderr(toLogrusLine('error', messageOf(error)));
    return 1;
  }
}
