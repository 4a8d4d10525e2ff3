/** Golden transcripts of dvdcli, fixtures/dvdcli: what one run sends, prints and exits with. */
import { link, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startScriptedPlugin, type ScriptedPluginOptions } from '@drydock/volume-plugin/fake';

const FIXTURES = join(import.meta.dirname, '..', '..', '..', '..', 'fixtures', 'dvdcli');

/** Where the transcripts say that driver `d` is. */
const DIRECTORY = '/run/docker/plugins';

export interface Transcript {
  readonly title: string;
  readonly argv: readonly string[];
  /** What the plugin `d` answers, by method; or how there is none. */
  readonly answers: ScriptedPluginOptions['answers'] | 'no plugin' | 'dead socket' | 'spec without a scheme';
  /** Whole requests, head and body. */
  readonly requests: readonly string[];
  /** The whole text, or how it begins where it is this program's own. */
  readonly stdout?: string;
  readonly stdoutStart?: string;
  /** Times are replaced by `RFC3339`. */
  readonly stderr?: string;
  readonly stderrStart?: string;
  readonly stderrEnd?: string;
  readonly exitCode: number;
  /** The waits between attempts. Default: none. */
  readonly retryDelaysMs?: readonly number[];
}

export interface TranscriptFile {
  readonly compat: '0.1' | '0.2';
  /** `mount`, ...; `program` for what is no command of volumes. */
  readonly command: string;
  readonly transcripts: readonly Transcript[];
}

export async function readTranscripts(): Promise<readonly TranscriptFile[]> {
  const names = (await readdir(FIXTURES)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const [, compat, command = ''] = /^(0\.1|0\.2)-(\w+)\.json$/.exec(name) ?? [];
      if (compat !== '0.1' && compat !== '0.2')
        throw new Error(`Expected fixtures/dvdcli/${name} as COMPAT-COMMAND.json`);
      const transcripts = JSON.parse(await readFile(join(FIXTURES, name), 'utf8')) as readonly Transcript[];
      return { compat, command, transcripts };
    }),
  );
}

export interface DvdcliRun {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a run sent, printed and exited with, and what the transcript says of it. */
interface Outcome {
  readonly requests: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
}

/** Sets the plugin up in a directory of its own and runs dvdcli with it; the caller compares. */
export async function replay(
  transcript: Transcript,
  runDvdcli: (argv: readonly string[], directory: string) => Promise<DvdcliRun>,
): Promise<{ readonly actual: Outcome; readonly expected: Outcome }> {
  const directory = await mkdtemp(join(tmpdir(), 'dvdcli-'));
  try {
    await using plugin = await setUp(transcript.answers, directory);
    const run = await runDvdcli(transcript.argv, directory);
    const stderr = run.stderr
      .replaceAll(/time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)"/g, 'time="RFC3339"')
      .replaceAll(directory, DIRECTORY)
      .replaceAll(encodeURIComponent(directory), encodeURIComponent(DIRECTORY));
    const { stdoutStart, stderrStart, stderrEnd } = transcript;
    return {
      actual: { requests: [...plugin.requests], stdout: run.stdout, stderr, exitCode: run.exitCode },
      expected: {
        requests: transcript.requests,
        stdout: transcript.stdout ?? expectedPart(run.stdout, { start: stdoutStart }),
        stderr: transcript.stderr ?? expectedPart(stderr, { start: stderrStart, end: stderrEnd }),
        exitCode: transcript.exitCode,
      },
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The text itself if it begins and ends as it should, else what it should begin and end with. */
function expectedPart(
  text: string,
  parts: { readonly start?: string | undefined; readonly end?: string | undefined },
): string {
  const { start = '', end = '' } = parts;
  return text !== '' && text.startsWith(start) && text.endsWith(end) ? text : `${start}...${end}`;
}

interface Peer extends AsyncDisposable {
  readonly requests: readonly string[];
}

async function setUp(answers: Transcript['answers'], directory: string): Promise<Peer> {
  const socketPath = join(directory, 'd.sock');
  const nobody: Peer = { requests: [], [Symbol.asyncDispose]: async () => await Promise.resolve() };
  switch (answers) {
    case 'no plugin':
      return nobody;
    case 'dead socket':
      await leaveDeadSocket(socketPath);
      return nobody;
    case 'spec without a scheme':
      await writeFile(join(directory, 'd.spec'), '/run/d.sock\n');
      return nobody;
    default:
      return await startScriptedPlugin({ socketPath, ...(answers === undefined ? {} : { answers }) });
  }
}

/** A hard link to a socket stays when its server closes and removes its own path. */
async function leaveDeadSocket(socketPath: string): Promise<void> {
  const server = createServer();
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen({ path: `${socketPath}.first` }, resolve);
  await listening;
  await link(`${socketPath}.first`, socketPath);
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  server.close(() => onClosed());
  await closed;
  await unlink(`${socketPath}.first`).catch(() => undefined); // the server may have removed it
}
