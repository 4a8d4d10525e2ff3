/**
 * A private mount namespace for one run: what daemons, drivers and containers mount in it never shows on the host, and a
 * Docker daemon on the host never sees the plugins that are announced in it.
 *
 * An ordinary user gets a user namespace with it, in which the user is root and nobody else exists.
 *
 * Inside: `/` is shared recursively (as on a systemd host, so that unmounts reach containers), `/run` is a tmpfs,
 * `/etc/docker/plugins` is empty and writable, everything else is the host's.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '@drydock/base/errors';
import { isOrdinaryUser, userNamespaceProblem } from './user-namespace.ts';

/** The namespace cannot be made here; the message says what is missing and how to get it. */
export class NamespaceError extends DomainError<'NAMESPACE_FAILED'> {
  readonly code = 'NAMESPACE_FAILED';
}

export interface StartedNamespace extends AsyncDisposable {
  /** Holds the namespace. */
  readonly pid: number;
  /** What `argv` has to be to run inside. */
  enter(argv: readonly string[]): readonly [string, ...string[]];
  /** Mount points inside, beyond those that it started with. */
  newMounts(): Promise<readonly string[]>;
  /** Lets go of the namespace: the kernel removes it with its last process. Idempotent. */
  stop(): Promise<void>;
}

/** Arguments: a directory of the run. Ends with its input, that is with its owner. */
const SETUP = `
set -e
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/docker/plugins /run/lock
if [ -d /etc/docker/plugins ]; then
  mount -t tmpfs -o mode=755 tmpfs /etc/docker/plugins
else
  # Made before the mount: the root of a user namespace cannot write where the machine's root owns the directory.
  mkdir -p "$1/etc/upper/docker/plugins" "$1/etc/work"
  mount -t overlay -o "lowerdir=/etc,upperdir=$1/etc/upper,workdir=$1/etc/work" overlay /etc
fi
if [ -d /usr/lib/docker/plugins ]; then
  mount -t tmpfs -o mode=755 tmpfs /usr/lib/docker/plugins
fi
echo ready
exec cat
`;
const SETUP_MS_MAX = 10_000;

/** @throws NamespaceError */
export async function startPrivateNamespace(options: {
  /** Exists; on a file system that can carry an overlay. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<StartedNamespace> {
  await mkdir(options.directory, { recursive: true });
  const unavailable = isOrdinaryUser() ? await userNamespaceProblem() : undefined;
  if (unavailable !== undefined) throw new NamespaceError(unavailable);
  const kinds = [...(isOrdinaryUser() ? ['--user', '--map-root-user'] : []), '--mount', '--propagation', 'private'];
  const argv = ['unshare', ...kinds, 'sh', '-c', SETUP, 'namespace', options.directory];
  const { holder, pid } = await startHolder(argv, options.env, 'set up a private mount namespace');
  const baseline = new Set(await mountIdsOf(pid));
  const newMounts = async (): Promise<readonly string[]> =>
    (await mountLinesOf(pid)).filter((line) => !baseline.has(idOf(line))).map(targetOf);
  return new HeldNamespace(holder, pid, newMounts);
}

/**
 * The mount namespace of a process, which stays also when that process ends. Nothing in it is changed; the mounts of
 * others are not counted as new, only those below `directory`.
 * @throws NamespaceError
 */
export async function joinNamespace(options: {
  readonly pid: number;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<StartedNamespace> {
  const argv = ['nsenter', `--target=${options.pid}`, '--mount', '--wdns=/', 'sh', '-c', 'echo ready; exec cat'];
  const { holder, pid } = await startHolder(argv, options.env, `enter the mount namespace of process ${options.pid}`);
  const newMounts = async (): Promise<readonly string[]> =>
    (await mountLinesOf(pid)).map(targetOf).filter((target) => target.startsWith(`${options.directory}/`));
  return new HeldNamespace(holder, pid, newMounts);
}

/** Starts what says that it is ready, and then holds a namespace until its input ends. @throws NamespaceError */
async function startHolder(
  [file = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  what: string,
): Promise<{ readonly holder: ChildProcess; readonly pid: number }> {
  // In a session of its own: Ctrl-C at a terminal must not take the namespace away from what is still stopping in it.
  const holder = spawn(file, args, { cwd: '/', env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let problem = '';
  holder.stderr.on('data', (chunk: Buffer) => {
    problem += chunk.toString();
  });
  holder.stdin.on('error', () => undefined); // The holder may be gone when its input is closed.
  const failed = Promise.withResolvers<never>();
  holder.on('error', (error) => failed.reject(new NamespaceError(`Failed to execute '${file}': ${error.message}`)));
  holder.on('close', () => failed.reject(new NamespaceError(`Failed to ${what}: ${problem.trim()}`)));
  failed.promise.catch(() => undefined);
  const late = setTimeout(() => {
    failed.reject(new NamespaceError(`Failed to ${what} in ${SETUP_MS_MAX} ms`));
    holder.kill('SIGKILL');
  }, SETUP_MS_MAX);
  try {
    await Promise.race([once(holder.stdout, 'data'), failed.promise]);
  } finally {
    clearTimeout(late);
  }
  const { pid } = holder;
  if (pid === undefined) throw new NamespaceError(`Failed to execute '${file}'`);
  return { holder, pid };
}

class HeldNamespace implements StartedNamespace {
  readonly pid: number;
  readonly #holder: ChildProcess;
  readonly newMounts: () => Promise<readonly string[]>;

  constructor(holder: ChildProcess, pid: number, newMounts: () => Promise<readonly string[]>) {
    this.#holder = holder;
    this.pid = pid;
    this.newMounts = newMounts;
  }

  enter(argv: readonly string[]): readonly [string, ...string[]] {
    // With its credentials kept, the user is root inside: the mapping has nobody else.
    const user = isOrdinaryUser() ? ['--user', '--preserve-credentials'] : [];
    return ['nsenter', `--target=${this.pid}`, ...user, '--mount', '--wdns=/', ...argv];
  }

  async stop(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const closed = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function mountLinesOf(pid: number): Promise<readonly string[]> {
  const text = await readFile(join('/proc', `${pid}`, 'mountinfo'), 'utf8');
  return text.trimEnd().split('\n');
}

async function mountIdsOf(pid: number): Promise<readonly string[]> {
  return (await mountLinesOf(pid)).map(idOf);
}

function targetOf(line: string): string {
  return line.split(' ')[4] ?? line;
}

/** Mount id and device: an id may be used again for another mount. */
function idOf(line: string): string {
  const [id = '', , device = '', , target = ''] = line.split(' ');
  return `${id} ${device} ${target}`;
}
