/**
 * The frame of the fuzzers: a target says what its inputs are (a fast-check arbitrary) and what has to hold when one is
 * fed; the frame draws them from a seed, counts what came of them and shrinks the first that breaks a rule.
 */
import fc from 'fast-check';

/** What is fuzzed, started. */
export interface FuzzSession<Input> extends AsyncDisposable {
  /**
   * Feeds one input and gives the class of what came of it, a few words that are counted. Rejects when a rule is broken:
   * a crash, a hang (the session has a bound of its own), a wrong answer.
   */
  feed(input: Input): Promise<string>;
  /** Rules over the whole run, such as memory; facts to print. Rejects when one is broken. */
  conclude?(): Promise<Readonly<Record<string, string>>>;
}

export interface FuzzRunOptions {
  readonly count: number;
  /** 32 bits; the same seed and count draw the same inputs. */
  readonly seed: number;
  /** Of an earlier finding: goes straight to its input. */
  readonly path?: string;
  readonly onProgress?: (fedCount: number) => void;
}

export interface FuzzReport {
  readonly seed: number;
  readonly fedCount: number;
  readonly durationMs: number;
  /** How often each class came. */
  readonly classes: Readonly<Record<string, number>>;
  /** What `conclude` told. */
  readonly facts: Readonly<Record<string, string>>;
  readonly finding?: { readonly message: string; readonly input?: string; readonly path?: string };
}

export interface FuzzTarget {
  /** One line for `--help`. */
  readonly about: string;
  run(options: FuzzRunOptions): Promise<FuzzReport>;
}

export interface FuzzTargetDefinition<Input> {
  readonly about: string;
  readonly inputs: fc.Arbitrary<Input>;
  start(): Promise<FuzzSession<Input>>;
}

/** A file `tools/fuzz/<name>.ts` exports one of these as `target`. */
export function defineFuzzTarget<Input>(definition: FuzzTargetDefinition<Input>): FuzzTarget {
  const { inputs } = definition;
  return {
    about: definition.about,
    async run({ count, seed, path, onProgress }) {
      const classes: Record<string, number> = {};
      let fedCount = 0;
      const startedAt = performance.now();
      await using session = await definition.start();
      const property = fc.asyncProperty(inputs, async (input) => {
        const outcome = await session.feed(input);
        classes[outcome] = (classes[outcome] ?? 0) + 1;
        fedCount++;
        if (fedCount % 1_000 === 0) onProgress?.(fedCount);
      });
      const details = await fc.check(property, { seed, numRuns: count, ...(path === undefined ? {} : { path }) });
      const report = { seed, fedCount, classes, facts: {}, durationMs: performance.now() - startedAt };
      if (details.failed) {
        const input = details.counterexample === null ? 'none' : fc.stringify(details.counterexample[0]);
        const message = describe(details.errorInstance);
        return { ...report, finding: { message, input, path: details.counterexamplePath ?? '' } };
      }
      try {
        return { ...report, facts: (await session.conclude?.()) ?? {} };
      } catch (error) {
        return { ...report, finding: { message: describe(error) } };
      }
    },
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
