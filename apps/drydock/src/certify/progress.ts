import { styleText } from 'node:util';
import type { CheckResult, Progress } from '@drydock/certification';

type Style = Parameters<typeof styleText>[0];

export const statusStyles: Readonly<Record<CheckResult['status'], Style>> = {
  pass: 'green',
  fail: 'red',
  error: 'magenta',
  skip: 'yellow',
  disabled: 'dim',
};

/** Tells on stderr which check runs, how it ended, and how long the rest will take. */
export function createProgress(options: { readonly isTerminal: boolean }): (progress: Progress) => void {
  const say = (text: string): void => void process.stderr.write(text);
  const style = (format: Style, text: string): string => (options.isTerminal ? styleText(format, text) : text);
  let total = 0;
  let startedAt = 0;
  return (progress) => {
    switch (progress.kind) {
      case 'planned':
        total = progress.runCount;
        startedAt = performance.now();
        say(`Run ${progress.runId}: ${total} checks, seed ${progress.seed}\n`);
        break;
      case 'start':
        if (options.isTerminal)
          say(style('dim', `${place(progress.index, total)} ${progress.entry.id} ${progress.entry.title} ...`));
        break;
      case 'end': {
        const { result, index } = progress;
        const seconds = (result.durationMs / 1_000).toFixed(1);
        const left = leftText(startedAt, index + 1, total);
        const name = `${result.id}${result.client === undefined ? '' : ` ${result.client}`}`;
        const status = style(statusStyles[result.status], result.status.padEnd(5));
        if (options.isTerminal) say('\r\u001B[2K');
        say(
          `${place(index, total)} ${status} ${name.padEnd(18)} ${result.title} (${seconds} s)${style('dim', left)}\n`,
        );
        break;
      }
    }
  };
}

function place(index: number, total: number): string {
  return `[${String(index + 1).padStart(`${total}`.length)}/${total}]`;
}

function leftText(startedAt: number, doneCount: number, total: number): string {
  if (doneCount === total) return '';
  const leftSeconds = Math.ceil((((performance.now() - startedAt) / doneCount) * (total - doneCount)) / 1_000);
  return leftSeconds < 2 ? '' : `, about ${leftSeconds} s left`;
}
