/** What Drydock can use of a machine, each found out by trying it, in a namespace of its own where it mounts. */
import { constants } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '@drydock/base/errors';
import { run } from '@drydock/base/subprocess';

export interface Probe {
  readonly name: string;
  /** Without it there is no scenario. */
  readonly isRequired: boolean;
  /** What its lack costs. */
  readonly cost: string;
  readonly remedy: string;
  /** Undefined = it is there; otherwise what is wrong. */
  readonly tryIt: () => Promise<string | undefined>;
}

const PROBE_MS_MAX = 10_000;

export const probes: readonly Probe[] = [
  {
    name: 'root',
    isRequired: true,
    cost: 'nothing can be mounted: no scenario, no agent with volumes',
    remedy: 'run it as root',
    tryIt: async () => await Promise.resolve(process.getuid?.() === 0 ? undefined : `user id ${process.getuid?.()}`),
  },
  {
    name: 'mount namespaces',
    isRequired: true,
    cost: 'runs cannot be kept apart from the machine',
    remedy: 'root with CAP_SYS_ADMIN; in Docker: --cap-add SYS_ADMIN --security-opt seccomp=unconfined',
    tryIt: async () => await tryCommand('unshare', '--mount', 'true'),
  },
  {
    name: 'user namespaces',
    isRequired: false,
    cost: 'nobody but root can run containers',
    remedy: 'sysctl user.max_user_namespaces above 0',
    tryIt: async () => await tryCommand('unshare', '--user', '--map-root-user', 'true'),
  },
  {
    name: 'container runtime (runc)',
    isRequired: true,
    cost: 'no container can be started',
    remedy: 'apt-get install runc',
    tryIt: async () => await tryCommand('runc', '--version'),
  },
  {
    name: 'container init (tini-static)',
    isRequired: true,
    cost: 'no container can be started',
    remedy: 'apt-get install tini',
    tryIt: async () => await tryCommand('tini-static', '--version'),
  },
  {
    name: 'overlay file systems',
    isRequired: false,
    cost: 'root file systems of images are copied, which is slower',
    remedy: 'a temporary directory that is not on an overlay itself',
    tryIt: async () =>
      await tryMounting('mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w overlay m'),
  },
  {
    name: 'loop devices and mkfs.ext4',
    isRequired: false,
    cost: 'convoy keeps volumes as plain directories (vfs), without lost+found',
    remedy: 'apt-get install e2fsprogs; in Docker: the device rules of loop devices',
    tryIt: async () =>
      await tryMounting('truncate -s 4M image && mkfs.ext4 -q image && mkdir m && mount -o loop image m'),
  },
  {
    name: 'control groups',
    isRequired: false,
    cost: 'containers run without limits of cpu and memory',
    remedy: 'control groups that root can write; in Docker: remount them read-write',
    tryIt: async () => await tryControlGroups(),
  },
  {
    name: 'FUSE',
    isRequired: false,
    cost: 'drivers that mount through FUSE (rclone, sshfs) cannot be tested',
    remedy: 'modprobe fuse; apt-get install fuse3',
    tryIt: async () => await tryAccess('/dev/fuse', constants.R_OK | constants.W_OK),
  },
  {
    name: 'Docker engine',
    isRequired: false,
    cost: 'nothing that is tested here yet',
    remedy: 'apt-get install docker.io, and start its daemon',
    tryIt: async () => await tryDocker('/var/run/docker.sock'),
  },
];

async function tryCommand(...argv: readonly [string, ...string[]]): Promise<string | undefined> {
  try {
    const result = await run(argv, { timeoutMs: PROBE_MS_MAX });
    if (result.exitCode === 0) return undefined;
    return (result.stderr.trim() || `exited with ${result.exitCode ?? result.signal}`).split('\n').at(-1);
  } catch (error) {
    return messageOf(error);
  }
}

/** `script` runs in a directory and a mount namespace that are gone afterwards, and its mounts with them. */
async function tryMounting(script: string): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'drydock-doctor-'));
  try {
    return await tryCommand('unshare', '--mount', 'sh', '-ec', `cd '${directory}'; ${script}`);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function tryControlGroups(): Promise<string | undefined> {
  const [split, unified] = await Promise.all(
    ['/sys/fs/cgroup/memory', '/sys/fs/cgroup/cgroup.subtree_control'].map(
      async (path) => await tryAccess(path, constants.W_OK),
    ),
  );
  return split === undefined || unified === undefined ? undefined : `${split}; ${unified}`;
}

async function tryAccess(path: string, mode: number): Promise<string | undefined> {
  try {
    await access(path, mode);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function tryDocker(socketPath: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const ping = request({ socketPath, path: '/_ping', timeout: PROBE_MS_MAX }, (response) => {
    response.resume();
    resolve(response.statusCode === 200 ? undefined : `${socketPath} answers ${response.statusCode}`);
  });
  ping.on('timeout', () => ping.destroy(new Error(`${socketPath} does not answer`)));
  ping.on('error', (error) => resolve(messageOf(error)));
  ping.end();
  return await promise;
}
