import { FlagsError, parseFlags, type FlagTable } from '@drydock/base/gflags';

/** What is wrong with a command line, one sentence each. */
export function problemsOf(table: FlagTable, ...argv: readonly string[]): readonly string[] {
  try {
    parseFlags(table, argv);
  } catch (error) {
    if (error instanceof FlagsError) return error.problems;
    throw error;
  }
  return [];
}
