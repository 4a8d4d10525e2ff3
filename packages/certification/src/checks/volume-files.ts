/** Programs that make, look at and change files of a volume; each runs where the agent would, in a shell of its own. */
import { getuid } from 'node:process';
import type { CheckContext } from '../run/check-context.ts';
import { CheckFailedError, HarnessError } from '../run/outcome.ts';

/** Ends a program whose `pass` did not hold; the text before it on stderr is what is told. */
const MUST = 'must() { what=$1; shift; "$@" || { echo "$what" >&2; exit 1; }; }\n';

/**
 * Runs a shell script in a directory of a volume; gives what it printed. `must WHAT COMMAND...` ends it, with WHAT as the
 * reason.
 * @param args are $1, $2, ...
 * @throws CheckFailedError when it does not end with 0, with `expected` and what it wrote to stderr
 */
export async function runIn(
  { agentSide }: CheckContext,
  directory: string,
  script: string,
  options: { readonly expected: string; readonly args?: readonly string[]; readonly within?: readonly string[] },
): Promise<string> {
  const { expected, args = [], within = [] } = options;
  const shell = ['sh', '-c', `cd "$1" || exit 1; shift\n${MUST}${script}`, 'check', directory, ...args];
  const [file = 'sh', ...rest] = [...within, ...shell];
  const { exitCode, stdout, stderr, isTimedOut } = await agentSide.exec([file, ...rest]);
  if (exitCode === 0) return stdout;
  const got = isTimedOut ? 'no end within 20 s' : stderr.trim() || `exit status ${exitCode}`;
  throw new CheckFailedError({ expected, got });
}

/** Names, kinds, owners, modes and hashes of all that is below a directory, sorted; one line each. */
export async function describeTree(context: CheckContext, directory: string): Promise<string> {
  return await runIn(
    context,
    directory,
    `find . -mindepth 1 -exec stat --format '%n|%F|%a|%u:%g|%N' {} + | LC_ALL=C sort
     find . -type f -exec sha256sum {} + | LC_ALL=C sort`,
    { expected: `the files of ${directory} to be readable` },
  );
}

/** @throws HarnessError unless this process is root's */
export function mustBeRoot(what: string): void {
  if (getuid?.() !== 0) throw new HarnessError(`${what} needs root`, 'run the suite as root');
}

/** The first line in which two descriptions differ, for a person. */
export function firstDifference(before: string, after: string): string {
  const [left, right] = [before.split('\n'), after.split('\n')];
  const missing = left.find((line) => !right.includes(line));
  const added = right.find((line) => !left.includes(line));
  return [...(missing === undefined ? [] : [`no ${missing}`]), ...(added === undefined ? [] : [added])].join(', but ');
}
