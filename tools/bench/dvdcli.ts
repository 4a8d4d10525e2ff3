/**
 * dvdcli as the isolator runs it: one process that mounts a volume of a driver that knows it. Beside it the floor (an
 * empty script on the same Node) and a peer (curl that makes the same calls over the same socket).
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startScriptedPlugin } from '@drydock/volume-plugin/fake';
import { measureInTurn, medianOf, type Benchmark, type BenchClaim, type BenchSeries } from '../bench-frame.ts';

const ROUNDS = 60;
const DRIVER = 'bench';
const root = join(import.meta.dirname, '..', '..');
const bin = join(root, 'apps', 'dvdcli', 'bin', 'dvdcli.js');

export const benchmark: Benchmark = {
  about: 'dvdcli mount, the whole process, beside an empty script and curl on the same socket',
  async run({ onProgress }) {
    const directory = await mkdtemp(join(tmpdir(), 'bench-dvdcli-'));
    const socketPath = join(directory, `${DRIVER}.sock`);
    const empty = join(directory, 'empty.cjs');
    try {
      await writeFile(empty, '');
      await using _plugin = await startScriptedPlugin({
        socketPath,
        answers: {
          'VolumeDriver.Get': { body: '{"Volume":{"Name":"v1"}}' },
          'VolumeDriver.Mount': { body: '{"Mountpoint":"/mnt/v1"}' },
        },
      });
      const env = { ...process.env, DVDCLI_PLUGIN_DIRECTORIES: directory };
      const dvdcli = (...argv: string[]) => [process.execPath, bin, ...argv] as const;
      const volume = [`--volumedriver=${DRIVER}`, '--volumename=v1'];
      const mounting = async (argv: readonly [string, ...string[]]): Promise<void> => {
        const stdout = await run(argv, env);
        if (!stdout.includes('/mnt/v1')) throw new Error(`Expected ${argv.join(' ')} to mount, got ${stdout}`);
      };
      onProgress(`${ROUNDS} rounds`);
      const series = await measureInTurn(
        {
          'empty script': async () => void (await run([process.execPath, empty], env)),
          'dvdcli version': async () => void (await run(dvdcli('version'), env)),
          'dvdcli mount, compat 0.1': async () => await mounting(dvdcli('mount', '--dvdcli-compat=0.1', ...volume)),
          'dvdcli mount': async () => await mounting(dvdcli('mount', ...volume)),
          'curl, same three calls': async () => await mounting(curl(socketPath)),
        },
        { rounds: ROUNDS, onRound: (round) => round % 20 === 0 && onProgress(`round ${round} of ${ROUNDS}`) },
      );
      return { series, claims: toClaims(series) };
    } finally {
      await rm(directory, { recursive: true });
    }
  },
};

function toClaims(series: readonly BenchSeries[]): readonly BenchClaim[] {
  const median = (name: string): number => medianOf(series.find((one) => one.name === name)?.samplesMs ?? []);
  const [floor, mount, peer] = [median('empty script'), median('dvdcli mount'), median('curl, same three calls')];
  return [
    {
      text: `dvdcli mount takes ${(mount / floor).toFixed(2)} times an empty script; at most 2 is asked for (medians)`,
      holds: mount <= 2 * floor,
    },
    {
      text: `curl with the same calls takes ${peer.toFixed(1)} ms, dvdcli ${(mount - peer).toFixed(1)} ms more (medians; nothing is asked for)`,
      holds: true,
    },
  ];
}

/** One curl process, one connection, the calls of `dvdcli mount` for a volume that the driver knows. */
function curl(socketPath: string): readonly [string, ...string[]] {
  const call = (method: string, body: string): string[] => [
    '--silent',
    '--unix-socket',
    socketPath,
    '--data',
    body,
    `http://localhost/${method}`,
  ];
  return [
    'curl',
    ...call('Plugin.Activate', ''),
    '--next',
    ...call('VolumeDriver.Get', '{"Name":"v1"}\n'),
    '--next',
    ...call('VolumeDriver.Mount', '{"Name":"v1"}\n'),
  ];
}

/** Straight on spawn: what a process costs is measured, not what a library around it does. */
async function run(argv: readonly [string, ...string[]], env: NodeJS.ProcessEnv): Promise<string> {
  const [file, ...args] = argv;
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const exitCode = await promise;
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}: ${stderr}`);
  return stdout;
}
