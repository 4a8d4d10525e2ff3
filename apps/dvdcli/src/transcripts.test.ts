import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '@drydock/base/subprocess';
import { SkippingClock } from '@drydock/volume-plugin/fake';
import { beforeAll, describe, expect, it } from 'vitest';
import { runDvdcli } from './dvdcli.ts';
import { readTranscripts, replay, type DvdcliRun } from './testing/transcript.ts';

const app = join(import.meta.dirname, '..');
const files = await readTranscripts();
const rows = files.flatMap(({ compat, command, transcripts }) =>
  transcripts.map((transcript) => ({ compat, command, transcript, title: transcript.title })),
);
const [withoutRetry, withRetry] = [
  rows.filter(({ transcript }) => transcript.retryDelaysMs === undefined),
  rows.filter(({ transcript }) => transcript.retryDelaysMs !== undefined),
];

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(app, 'build.mjs')]);
});

/** Half of the runs say which dvdcli they want by the flag, half by the environment. */
function asked(compat: string, argv: readonly string[]): { argv: readonly string[]; env: Record<string, string> } {
  if (compat === '0.2') return { argv, env: {} };
  return argv.length % 2 === 0
    ? { argv: [`--dvdcli-compat=${compat}`, ...argv], env: {} }
    : { argv, env: { DVDCLI_COMPAT: compat } };
}

async function inThisProcess(
  compat: string,
  argv: readonly string[],
  directory: string,
): Promise<DvdcliRun & { readonly sleptMs: readonly number[] }> {
  const clock = new SkippingClock();
  const text = { stdout: '', stderr: '' };
  const { argv: all, env } = asked(compat, argv);
  const exitCode = await runDvdcli(all, {
    stdout: (more) => (text.stdout += more),
    stderr: (more) => (text.stderr += more),
    env: { ...env, DVDCLI_PLUGIN_DIRECTORIES: `${directory}:${directory}` },
    clock,
  });
  return { exitCode, ...text, sleptMs: clock.sleptMs };
}

async function asProcess(compat: string, argv: readonly string[], directory: string): Promise<DvdcliRun> {
  const { argv: all, env } = asked(compat, argv);
  const { exitCode, stdout, stderr } = await run([process.execPath, join(app, 'bin', 'dvdcli.js'), ...all], {
    env: { ...env, DVDCLI_PLUGIN_DIRECTORIES: `${directory}:${directory}` },
  });
  return { exitCode, stdout, stderr };
}

it('has transcripts of every command in both dvdcli, and of both kinds', () => {
  expect(files.map(({ compat, command }) => `${compat} ${command}`)).toHaveLength(16);
  expect(withoutRetry.length).toBeGreaterThan(250);
  expect(withRetry.length).toBeGreaterThan(50);
});

describe('dvdcli with a clock that skips its waits', () => {
  it.each(withRetry)('$compat $command: $title', async ({ compat, transcript }) => {
    let sleptMs: readonly number[] = [];
    const outcome = await replay(transcript, async (argv, directory) => {
      const run = await inThisProcess(compat, argv, directory);
      sleptMs = run.sleptMs;
      return run;
    });
    expect(outcome.actual).toEqual(outcome.expected);
    expect(sleptMs).toEqual(transcript.retryDelaysMs);
  });
});

describe('the dvdcli process over a socket', () => {
  it.concurrent.each(withoutRetry)('$compat $command: $title', async ({ compat, transcript }) => {
    const outcome = await replay(transcript, async (argv, directory) => await asProcess(compat, argv, directory));
    expect(outcome.actual).toEqual(outcome.expected);
  });

  it('waits 15 s and more where the real one does', { tags: ['slow'] }, async () => {
    const took = await Promise.all(
      withRetry.map(async ({ compat, transcript }) => {
        const startedAt = performance.now();
        const outcome = await replay(transcript, async (argv, directory) => await asProcess(compat, argv, directory));
        expect(outcome.actual).toEqual(outcome.expected);
        const waitsMs = (transcript.retryDelaysMs ?? []).reduce((sum, ms) => sum + ms, 0);
        return performance.now() - startedAt - waitsMs;
      }),
    );
    // Never sooner: a timer does not fire before its time, but for the rounding of its clock.
    expect(Math.min(...took)).toBeGreaterThan(-20);
  });
});
