/** Applies a mutant to a copy of the isolator, and plays simulation and tests against it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Mutant } from './mutants.ts';

export const ROOT: string = join(import.meta.dirname, '..', '..');
/** Below the root, so that the copy finds the packages that it imports. */
const COPIES = join(ROOT, '.drydock', 'mutants');

const SEED_COUNT = 150;
const RUN_MS_MAX = 120_000;

export interface MutantOutcome {
  readonly name: string;
  /** Undefined = nothing noticed the fault. */
  readonly killedBy: 'simulation' | 'tests' | undefined;
}

/** No fault at all: what is killed although nothing is wrong says nothing. */
export const CONTROL: Mutant = {
  name: 'control',
  file: 'volume-in-use.ts',
  find: 'export function decide(',
  replace: 'export function decide(',
};

/** @throws Error when the text to replace is not there exactly once: the code has changed and the mutant has to follow */
export async function runMutant(mutant: Mutant, slot: number): Promise<MutantOutcome> {
  const place = join(COPIES, String(slot));
  const copy = join(place, 'packages', 'isolator');
  await rm(place, { recursive: true, force: true });
  await cp(join(ROOT, 'packages', 'isolator', 'src'), join(copy, 'src'), { recursive: true });
  await symlink(join(ROOT, 'fixtures'), join(place, 'fixtures'));
  try {
    await apply(mutant, join(copy, 'src', 'docker-volume', mutant.file));
    if (!(await passes([join(import.meta.dirname, 'simulate-copy.ts'), join(copy, 'src'), String(SEED_COUNT)]))) {
      return { name: mutant.name, killedBy: 'simulation' };
    }
    const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
    const excluded = ['**/*contract*', '**/dvdcli-client*', '**/simulation*'].map((glob) => `--exclude=${glob}`);
    const isPassing = await passes([vitest, 'run', `--root=${copy}`, '--bail=1', ...excluded]);
    return { name: mutant.name, killedBy: isPassing ? undefined : 'tests' };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function apply({ name, find, replace }: Mutant, path: string): Promise<void> {
  const source = await readFile(path, 'utf8');
  const count = source.split(find).length - 1;
  if (count !== 1)
    throw new Error(`Expected the text of the mutant '${name}' once in ${path}, found it ${count} times`);
  await writeFile(
    path,
    source.replace(find, () => replace),
  );
}

/** Whether a program of Node's ends with 0; one that hangs does not. */
async function passes(argv: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, argv, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MS_MAX,
    killSignal: 'SIGKILL',
    env: { ...process.env, CI: '' },
  });
  const [[code]] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return code === 0;
}
