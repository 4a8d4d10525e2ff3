/**
 * Debian's GlusterFS, which nobody here wrote, in a network namespace with an address of its own: gluster takes no brick
 * on a loopback address. Its state, logs and bricks lie below the cluster's directory. It has a PID namespace, too, so
 * that its processes, which are daemons, end with it.
 */
import { mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemCodeOf } from '@drydock/base/errors';
import { waitUntil } from '@drydock/base/wait-until';
import type { DaemonProcess, LocalCluster } from '@drydock/cluster';

const DRYDOCK = fileURLToPath(new URL('../../../drydock/bin/drydock.js', import.meta.url));

/**
 * Argument: a directory. The first process of the PID namespace dies with its parent, and takes the others along. A
 * mount namespace of its own, since state and logs have fixed places, and glusterd looks for its bricks in /proc; what it
 * mounts is not seen by the run.
 */
const SETUP = `
set -e
ip link set lo up
ip address add 10.99.0.1/32 dev lo
mount --bind "$1/state" /var/lib/glusterd
mount --bind "$1/logs" /var/log/glusterfs
exec unshare --pid sh -c '
  setpriv --pdeathsig KILL sh -c "mount -t proc proc /proc && exec tini-static -- glusterd --no-daemon" &
  trap "kill -KILL $!" TERM
  wait
'`;

const READY_MS_MAX = 20_000;

export class StartedGluster {
  readonly host = '10.99.0.1';
  readonly #cluster: LocalCluster;
  readonly #daemon: DaemonProcess;
  readonly #directory: string;
  readonly #network: string;

  private constructor(cluster: LocalCluster, daemon: DaemonProcess, facts: { directory: string; network: string }) {
    this.#cluster = cluster;
    this.#daemon = daemon;
    this.#directory = facts.directory;
    this.#network = facts.network;
  }

  /** Resolves when glusterd answers. It is stopped with the cluster. */
  static async start(cluster: LocalCluster): Promise<StartedGluster> {
    const directory = join(cluster.directory, 'gluster');
    for (const name of ['state', 'logs', 'bricks']) await mkdir(join(directory, name), { recursive: true });
    const own = await networkOf(process.pid);
    // Without the run's id: the PID namespace is what ends its processes, and `processes` finds those that it did not.
    const namespaces = ['env', '-u', 'DRYDOCK_RUN_ID', 'unshare', '--net', '--mount', '--propagation=slave', '--'];
    const daemon = await cluster.startProgram('glusterd', [...namespaces, 'sh', '-c', SETUP, 'gluster', directory]);
    const network = await waitUntil(async () => await networkOf(daemon.pid), {
      what: "gluster's network",
      until: (seen) => seen !== undefined && seen !== own,
    });
    const gluster = new StartedGluster(cluster, daemon, { directory, network: network ?? '' });
    await waitUntil(
      async () => {
        await daemon.assertRunning();
        return (await gluster.#tryGluster(['pool', 'list'])).exitCode === 0;
      },
      { what: 'glusterd to answer', timeoutMs: READY_MS_MAX },
    );
    return gluster;
  }

  /** Makes and starts a volume, with a replica on each brick when there are several; gives the bricks' directories. */
  async createVolume(name: string, options: { readonly bricks?: number } = {}): Promise<readonly string[]> {
    const { bricks = 1 } = options;
    const paths = Array.from({ length: bricks }, (_, index) => join(this.#directory, 'bricks', `${name}-${index}`));
    const replicas = bricks === 1 ? [] : ['replica', `${bricks}`];
    await this.gluster([
      'volume',
      'create',
      name,
      ...replicas,
      ...paths.map((path) => `${this.host}:${path}`),
      'force',
    ]);
    await this.gluster(['volume', 'start', name]);
    await this.#waitForBricks(name);
    return paths;
  }

  /** Starts those bricks of a volume that are dead. */
  async restartBricks(name: string): Promise<void> {
    await this.gluster(['volume', 'start', name, 'force']);
    await this.#waitForBricks(name);
  }

  /** A brick can be mounted when glusterd hears of it. */
  async #waitForBricks(name: string): Promise<void> {
    await waitUntil(async () => await this.gluster(['volume', 'status', name, 'detail']), {
      what: `the bricks of ${name} to be online`,
      until: (status) => /^Online +: Y/m.test(status) && !/^Online +: N/m.test(status),
      timeoutMs: READY_MS_MAX,
    });
  }

  /** Runs a gluster command and gives its stdout. */
  async gluster(args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#tryGluster(args);
    if (exitCode !== 0) throw new Error(`gluster ${args.join(' ')} ended with status ${exitCode}: ${stdout}${stderr}`);
    return stdout;
  }

  async #tryGluster(args: readonly string[]): ReturnType<LocalCluster['exec']> {
    const { pid } = this.#daemon;
    // It needs a /proc that it is in itself.
    const inPids = `--pid=/proc/${pid}/ns/pid_for_children`;
    const inside = ['nsenter', `--target=${pid}`, '--net', '--mount', inPids, '--wdns=/'];
    return await this.#cluster.exec([...inside, 'gluster', '--mode=script', ...args]);
  }

  /** Ends the process of a brick, by SIGKILL; resolves when it is gone. */
  async killBrick(path: string): Promise<void> {
    const find = async (): Promise<number | undefined> => {
      const all = await this.processes();
      return all.find(({ argv }) => argv.includes('--brick-name') && argv.includes(path))?.pid;
    };
    const pid = await waitUntil(find, { what: `a process of the brick ${path}` });
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    await waitUntil(async () => (await find()) === undefined, { what: `the brick ${path} to be dead` });
  }

  /** Starts `drydock driver start` where it reaches the servers; it mounts in the cluster's mount namespace. */
  async startDriver(name: string, args: readonly string[]): Promise<DaemonProcess> {
    const home = join(this.#cluster.directory, `driver-${name}`);
    const own = [`--name=${name}`, '--store=glusterfs', `--directory=${home}`];
    const command = [process.execPath, DRYDOCK, 'driver', 'start', ...own, ...args];
    return await this.#cluster.startPlugin(name, [
      'nsenter',
      `--target=${this.#daemon.pid}`,
      '--net',
      '--',
      ...command,
    ]);
  }

  /** All that are in its network, also those of a driver; zombies have none. Can be asked when it is stopped. */
  async processes(): Promise<readonly { readonly pid: number; readonly argv: readonly string[] }[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    const found = await Promise.all(
      pids.map(async (pid) => {
        if ((await networkOf(pid)) !== this.#network) return [];
        return [{ pid, argv: (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0') }];
      }),
    );
    return found.flat();
  }
}

/** Undefined for a process that has ended, and for one that is not ours to look at. */
async function networkOf(pid: number): Promise<string | undefined> {
  try {
    return await readlink(`/proc/${pid}/ns/net`);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(systemCodeOf(error) ?? '')) return undefined;
    throw error;
  }
}
