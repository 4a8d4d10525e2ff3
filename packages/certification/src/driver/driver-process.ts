/** The process of the driver: found by its socket, ended, paused and started again as the manifest says. */
import { spawn } from 'node:child_process';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { systemCodeOf } from '@drydock/base/errors';
import { runOrThrow } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import type { Manifest } from '../manifest/manifest.ts';
import type { History } from '../run/history.ts';
import { HarnessError } from '../run/outcome.ts';
import { accepts } from './accepts.ts';
import type { AgentSide } from './agent-side.ts';

/** What a vendor has to do for checks that end the driver. */
export const DECLARE_RESTART = 'declare `restart` in the manifest';

const SYSTEMCTL_MS_MAX = 60_000;
const START_MS_MAX = 30_000;
const END_MS_MAX = 10_000;

export class DriverProcess {
  readonly #restart: Manifest['restart'];
  readonly #socketPath: string | undefined;
  readonly #side: AgentSide;
  readonly #history: History;
  #pid: number | undefined;

  /** @param socketPath of the driver's side; undefined when it listens on TCP */
  constructor(options: {
    readonly manifest: Manifest;
    readonly socketPath: string | undefined;
    readonly side: AgentSide;
    readonly history: History;
  }) {
    this.#restart = options.manifest.restart;
    this.#socketPath = options.socketPath;
    this.#side = options.side;
    this.#history = options.history;
    if (this.#restart !== undefined && 'pid' in this.#restart) this.#pid = this.#restart.pid;
  }

  get canRestart(): boolean {
    return this.#restart !== undefined;
  }

  /** @throws HarnessError when it cannot be told */
  async pid(): Promise<number> {
    const pid = await this.findPid();
    if (pid !== undefined) return pid;
    throw new HarnessError('The process of the driver was not found', 'say it with `restart.pid`, or run as root');
  }

  /** Undefined when it cannot be told: it listens on TCP, or belongs to another user. */
  async findPid(): Promise<number | undefined> {
    if (this.#restart !== undefined && 'systemd' in this.#restart) {
      const text = await systemctl('show', '--property=MainPID', '--value', this.#restart.systemd);
      return Number(text.trim()) || undefined;
    }
    if (this.#pid !== undefined && (await isAlive(this.#pid))) return this.#pid;
    return this.#socketPath === undefined
      ? undefined
      : await listenerOf(this.#socketPath, this.#side.pathFromHere(this.#socketPath));
  }

  /** Sends a signal to the driver; after SIGKILL and SIGTERM it waits for its end. @throws HarnessError */
  async kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT' = 'SIGKILL'): Promise<void> {
    this.#mustRestart();
    const pid = await this.pid();
    if (pid === process.pid) throw new HarnessError('The driver runs in this very process', 'run it as one of its own');
    this.#history.record({ kind: 'process', event: signal, pid });
    process.kill(pid, signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    await waitUntil(async () => !(await isAlive(pid)), { what: `process ${pid} to end`, timeoutMs: END_MS_MAX });
  }

  /** Starts the driver, which is not running, and waits until it takes connections. @throws HarnessError */
  async start(): Promise<void> {
    const restart = this.#mustRestart();
    if ('systemd' in restart) {
      // The unit may have started it again by itself.
      await systemctl('start', restart.systemd);
    } else {
      const [file, ...args] = this.#side.enter(restart.start);
      const child = spawn(file, args, { cwd: '/', detached: true, stdio: 'ignore' });
      child.on('error', () => undefined); // seen by the socket that does not come
      child.unref();
      this.#pid = undefined;
      this.#history.record({
        kind: 'process',
        event: 'started',
        ...(child.pid === undefined ? {} : { pid: child.pid }),
      });
    }
    await this.#waitForSocket();
  }

  /** SIGKILL, and started again. @throws HarnessError */
  async restart(): Promise<void> {
    this.#mustRestart();
    if ((await this.findPid()) !== undefined) await this.kill('SIGKILL');
    await this.start();
  }

  async #waitForSocket(): Promise<void> {
    const socketPath = this.#socketPath;
    if (socketPath === undefined) return;
    const startedAt = performance.now();
    while (!(await accepts(this.#side.pathFromHere(socketPath)))) {
      if (performance.now() - startedAt > START_MS_MAX) {
        throw new HarnessError(
          `The driver did not listen at ${socketPath} within ${START_MS_MAX / 1_000} s of its start`,
          'look at `restart` in the manifest',
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #mustRestart(): NonNullable<Manifest['restart']> {
    if (this.#restart !== undefined) return this.#restart;
    throw new HarnessError('The check ends and starts the driver, and the manifest does not say how', DECLARE_RESTART);
  }
}

async function systemctl(...args: readonly string[]): Promise<string> {
  return await runOrThrow(['systemctl', ...args], { timeoutMs: SYSTEMCTL_MS_MAX });
}

/** Of the fields after the name. @see proc(5), /proc/pid/stat */
const NUM_THREADS = 17;

async function isAlive(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // The first thread of a killed process is a zombie before the others have let go of its sockets.
    const threadCount = Number(fields[NUM_THREADS]);
    return !['Z', 'X'].includes(fields[0] ?? '') || threadCount > 1;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Who listens at a socket's path, by the inode that /proc/net/unix tells; undefined when it cannot be told. */
async function listenerOf(socketPath: string, fromHere: string): Promise<number | undefined> {
  const inodes = new Map<string, ReadonlySet<string>>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const network = await readlink(`/proc/${entry}/ns/net`);
      const known = inodes.get(network) ?? (await listeningInodes(entry, socketPath));
      inodes.set(network, known);
      // Another mount namespace may have another socket at that path.
      if (known.size === 0 || !(await isSameFile(`/proc/${entry}/root${socketPath}`, fromHere))) continue;
      if (await holds(entry, known)) return Number(entry);
    } catch (error) {
      // Gone by now, or another user's.
      if (!['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(systemCodeOf(error) ?? '')) throw error;
    }
  }
  return undefined;
}

async function listeningInodes(pid: string, socketPath: string): Promise<ReadonlySet<string>> {
  const lines = (await readFile(`/proc/${pid}/net/unix`, 'utf8')).split('\n');
  const inodes = new Set<string>();
  for (const line of lines) {
    // Num RefCount Protocol Flags Type St Inode Path; flag 00010000: it accepts connections.
    const [, , , flags, , , inode, ...path] = line.trim().split(/\s+/);
    if (flags === '00010000' && inode !== undefined && samePath(path.join(' '), socketPath)) inodes.add(inode);
  }
  return inodes;
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [left, right] = [await stat(a), await stat(b)];
  return left.ino === right.ino && left.dev === right.dev;
}

/** /run and /var/run are one directory. */
function samePath(a: string, b: string): boolean {
  const plain = (path: string): string => path.replace(/^\/var\/run\//, '/run/');
  return plain(a) === plain(b);
}

async function holds(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    try {
      const target = await readlink(`/proc/${pid}/fd/${fd}`);
      if (inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? '')) return true;
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error; // closed by now
    }
  }
  return false;
}
