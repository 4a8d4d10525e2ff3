import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY } from '@drydock/cluster';

export interface TestClusterOptions {
  /** Further flags of the agent. */
  readonly agentFlags?: readonly string[];
}

/** Master, agent and nothing else, in a namespace of their own. */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<LocalCluster> {
  const cluster = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
  try {
    await cluster.startMaster();
    await cluster.startAgent({ flags: options.agentFlags ?? [] });
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Waits until no container is left and fails when anything of them is. */
export async function assertNothingLeft(cluster: Pick<LocalCluster, 'waitUntilIdle' | 'leaks'>): Promise<void> {
  await cluster.waitUntilIdle();
  const leaks = await cluster.leaks();
  if (leaks.length > 0) throw new Error(`Left behind: ${leaks.map(({ kind, what }) => `${kind} ${what}`).join(', ')}`);
}

/** A fake driver of a test. */
export interface TestDriver {
  readonly name: string;
  /** What it does wrong from now on, in place of its faults until now. */
  useFaults(text: string): Promise<void>;
  /** Waits until no container needs it, stops it, and gives the methods that were called, oldest first. */
  stopAndListCalls(): Promise<readonly string[]>;
}

const PROGRAM = fileURLToPath(new URL('fake-driver-program.ts', import.meta.url));

export async function startTestDriver(
  cluster: LocalCluster,
  name: string,
  options: { readonly profile?: string; readonly faults?: string } = {},
): Promise<TestDriver> {
  const directory = join(cluster.directory, `driver-${name}`);
  const argv = [process.execPath, PROGRAM, name, directory, options.profile ?? 'convoy-0.5-vfs', options.faults ?? ''];
  const daemon = await cluster.startPlugin(name, argv);
  return {
    name,
    useFaults: async (text) => {
      const socket = `/run/docker/plugins/${name}.sock`;
      const put = ['curl', '--silent', '--show-error', '--fail-with-body', '--request', 'PUT', '--data-binary', text];
      const { exitCode, stdout, stderr } = await cluster.exec([
        ...put,
        '--unix-socket',
        socket,
        'http://driver/drydock/faults',
      ]);
      if (exitCode !== 0) throw new Error(`The driver ${name} did not take the faults '${text}': ${stdout}${stderr}`);
    },
    stopAndListCalls: async () => {
      await cluster.waitUntilIdle();
      await daemon.stop();
      const lines = (await readFile(daemon.logPath, 'utf8')).trim().split('\n');
      return lines
        .filter((line) => line.startsWith('{'))
        .map((line) => (JSON.parse(line) as { method: string }).method);
    },
  };
}

/** The JSON for `--volumes` with one Docker volume. */
export function aVolume(options: {
  readonly driver?: string;
  readonly name?: string;
  readonly path?: string;
  readonly mode?: 'RW' | 'RO';
}): Record<string, unknown> {
  const { driver, name = 'v1', path = '/data', mode = 'RW' } = options;
  return {
    container_path: path,
    mode,
    source: { type: 'DOCKER_VOLUME', docker_volume: { ...(driver === undefined ? {} : { driver }), name } },
  };
}
