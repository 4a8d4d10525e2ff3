/**
 * A Docker Engine of our own, where none can be reached: its directories lie below one that is removed with it; its mount,
 * network and process namespaces are its own, so that the kernel ends everything in it however its owner ends. A pair of
 * virtual interfaces in the range for benchmarks (RFC 2544) is the one way to the ports that its containers publish.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, open, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, systemCodeOf } from '@drydock/base/errors';
import { run } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { excerptOf } from '../log-excerpt.ts';

/** No engine can be started here; the message says why, with the end of its log. */
export class EngineFailedError extends DomainError<'ENGINE_FAILED'> {
  readonly code = 'ENGINE_FAILED';
}

export interface OwnEngine extends AsyncDisposable {
  /** Everything of it lies below. */
  readonly directory: string;
  /** What a client needs in its environment, testcontainers among them. */
  readonly env: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** Ends it with all its containers and removes what is left. Idempotent. */
  stop(): Promise<void>;
}

const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 20_000;
/** After it an engine without a socket is taken for one whose owner is gone. */
const START_MS_MAX = 600_000;
const PREFIX = 'drydock-engine-';

/** Argument: its directory, address and control group. Goes on when its input has a line: then `eth0` is there. */
const SETUP = `
set -e
read -r _
ip link set lo up
ip addr add "$2/30" dev eth0
ip link set eth0 up
exec tini-static -g -- dockerd --host="unix://$1/docker.sock" --data-root="$1/data" --exec-root="$1/exec" \\
  --pidfile="$1/docker.pid" --config-file= --cgroup-parent="/$3" --log-level=warn
`;

/** Resolves when it answers. @throws EngineFailedError */
export async function startOwnEngine(): Promise<OwnEngine> {
  await removeStale();
  const directory = await mkdtemp(join(tmpdir(), PREFIX));
  const engine = new StartedOwnEngine(directory);
  try {
    await engine.start();
    return engine;
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

class StartedOwnEngine implements OwnEngine {
  readonly env: Readonly<Record<string, string>>;
  readonly logPath: string;
  readonly directory: string;
  readonly #name: string;
  readonly #addresses: { readonly ours: string; readonly its: string };
  #process: ChildProcess | undefined;
  #stopping: Promise<void> | undefined;

  constructor(directory: string) {
    this.directory = directory;
    this.logPath = join(directory, 'dockerd.log');
    this.#name = `drydock-${randomInt(36 ** 6).toString(36)}`;
    const net = `198.18.${randomInt(256)}`;
    const first = randomInt(64) * 4;
    this.#addresses = { ours: `${net}.${first + 1}`, its: `${net}.${first + 2}` };
    this.env = {
      DOCKER_HOST: `unix://${join(directory, 'docker.sock')}`,
      TESTCONTAINERS_HOST_OVERRIDE: this.#addresses.its,
      TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE: join(directory, 'docker.sock'),
    };
  }

  async start(): Promise<void> {
    await using log = await open(this.logPath, 'a');
    const namespaces = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const argv = ['--pdeathsig', 'KILL', ...namespaces, 'sh', '-c', SETUP, 'engine', this.directory];
    const child = spawn('setpriv', [...argv, this.#addresses.its, this.#name], {
      cwd: '/',
      stdio: ['pipe', log.fd, log.fd],
      detached: true,
    });
    this.#process = child;
    child.stdin?.on('error', () => undefined); // Its end shows in `exitCode`.
    try {
      await once(child, 'spawn');
    } catch (error) {
      throw new EngineFailedError(`Failed to start a Docker Engine: ${String(error)}`, { cause: error });
    }
    await this.#plugIn(await this.#firstPid());
    child.stdin?.end('go\n');
    await waitUntil(
      async () => {
        await this.#assertRunning();
        const { exitCode } = await run(['docker', 'version'], { env: { ...processEnv(), ...this.env } });
        return exitCode === 0;
      },
      { what: 'the Docker Engine to answer', timeoutMs: READY_MS_MAX, intervalMs: 100 },
    );
  }

  /** As seen from here, the first process in its namespaces. */
  async #firstPid(): Promise<number> {
    const pid = this.#process?.pid ?? -1;
    const text = await waitUntil(
      async () => {
        await this.#assertRunning();
        return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim();
      },
      { what: "the engine's first process", until: (children) => /^\d+$/.test(children) },
    );
    return Number(text);
  }

  async #plugIn(pid: number): Promise<void> {
    // 15 characters at most.
    const name = this.#name.replace('drydock-', 'dd');
    const steps = [
      ['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`],
      ['ip', 'addr', 'add', `${this.#addresses.ours}/30`, 'dev', name],
      ['ip', 'link', 'set', name, 'up'],
    ] as const;
    for (const argv of steps) {
      const { exitCode, stderr } = await run(argv, { timeoutMs: 10_000 });
      if (exitCode !== 0) throw new EngineFailedError(`Failed to run '${argv.join(' ')}': ${stderr.trim()}`);
    }
  }

  async #assertRunning(): Promise<void> {
    const child = this.#process;
    if (child === undefined || (child.exitCode === null && child.signalCode === null)) return;
    const log = excerptOf(await readFile(this.logPath, 'utf8'));
    throw new EngineFailedError(`The Docker Engine ended with ${child.signalCode ?? child.exitCode}:\n${log}`);
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async #stop(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      // The engine ends its containers when it is told to end; who waits for it is not told.
      const pid = await this.#firstPid().catch(() => undefined);
      if (pid !== undefined) process.kill(pid, 'SIGTERM');
      const waiting = new AbortController();
      const late = delay(STOP_MS_MAX, 'late', { signal: waiting.signal }).catch(() => 'ended');
      if ((await Promise.race([exited.then(() => 'ended'), late])) === 'late') child.kill('SIGKILL');
      await exited;
      waiting.abort();
    }
    await removeControlGroups(this.#name);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function processEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** What an engine leaves whose owner was killed: its namespaces went with it, its files did not. */
async function removeStale(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const directory = join(tmpdir(), name);
    if (await isStale(directory)) await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** One that is being started has no socket yet, and is young. */
async function isStale(directory: string): Promise<boolean> {
  const socket = join(directory, 'docker.sock');
  try {
    if (!(await exists(socket))) return Date.now() - (await stat(directory)).mtimeMs > START_MS_MAX;
    const env = { ...processEnv(), DOCKER_HOST: `unix://${socket}` };
    return (await run(['docker', 'version'], { env, timeoutMs: 10_000 })).exitCode !== 0;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false; // Its owner has removed it meanwhile.
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false; // not there, or not ours to reach
  }
}

/** They are empty when the engine has ended, and it removes its own only when it ends in peace. */
async function removeControlGroups(name: string): Promise<void> {
  const mounts = ['/sys/fs/cgroup', ...(await readdir('/sys/fs/cgroup')).map((one) => join('/sys/fs/cgroup', one))];
  for (const mount of mounts) await removeGroup(join(mount, name));
}

async function removeGroup(path: string): Promise<void> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(path, entry.name));
    await rmdir(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) throw error;
  }
}
