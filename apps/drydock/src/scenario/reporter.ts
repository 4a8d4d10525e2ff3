import { styleText } from 'node:util';
import type { ScenarioResult } from './scenario-result.ts';

/** Shows a run as it happens, or nothing but its result. */
export interface Reporter {
  note(text: string): void;
  /** A command that is about to run. */
  command(text: string): void;
  /** What a command printed. */
  output(text: string): void;
  /** Signs of life while `work` takes longer than two seconds. */
  during<T>(what: string, work: Promise<T>): Promise<T>;
  finish(result: ScenarioResult): void;
}

const PROGRESS_MS = 2_000;

export function createReporter(options: { readonly isJson: boolean; readonly isTerminal: boolean }): Reporter {
  const { isJson, isTerminal } = options;
  const say = (text: string): void => void (isJson ? undefined : process.stdout.write(`${text}\n`));
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    isTerminal ? styleText(format, text) : text;
  return {
    note: (text) => say(style('dim', `# ${text}`)),
    command: (text) => say(style('bold', `$ ${text}`)),
    output: (text) => {
      if (text.trim() !== '') say(text.trimEnd().replaceAll(/^/gm, '  '));
    },
    during: async (what, work) => {
      const startedAt = performance.now();
      const timer = setInterval(() => {
        process.stderr.write(`# ${what}: ${Math.round((performance.now() - startedAt) / 1000)} s ...\n`);
      }, PROGRESS_MS);
      try {
        return await work;
      } finally {
        clearInterval(timer);
      }
    },
    finish: (result) => {
      if (isJson) {
        process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
        return;
      }
      say('');
      for (const { name, isPassed, detail } of result.checks) {
        const mark = isPassed ? style('green', 'ok  ') : style('red', 'FAIL');
        say(`${mark} ${name}${detail === undefined ? '' : `: ${detail}`}`);
      }
      const seconds = (result.durationMs / 1000).toFixed(1);
      const verdict = result.isPassed ? style('green', 'PASSED') : style('red', 'FAILED');
      say(`\nThe scenario ${verdict} in ${seconds} s`);
    },
  };
}
