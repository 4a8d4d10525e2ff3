/** What Drydock can use of a machine, each found out by trying it, in a namespace of its own where it mounts. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STANDIN_IMAGES_DIRECTORY, isOrdinaryUser, userNamespaceProblem } from '@drydock/cluster';
import { firstLine, tryCommand, tryControlGroups, tryDockerEngine, tryMounting, UnavailableError } from './trials.ts';

export interface Probe {
  readonly name: string;
  /** Without it there is no scenario. */
  readonly isRequired: boolean;
  /** What its lack costs. */
  readonly cost: string;
  /** The command that brings it, or what else does. */
  readonly remedy: string;
  /** Gives the version or another detail, or ''. @throws with what is wrong */
  readonly tryIt: () => Promise<string>;
}

const DVDCLI_BUNDLE = fileURLToPath(new URL('../../../dvdcli/dist/dvdcli.cjs', import.meta.url));
const STANDIN_IMAGE = join(STANDIN_IMAGES_DIRECTORY, 'ubuntu:14.04.tar');

/** In the order in which a person reads them. */
export function probes(): readonly Probe[] {
  return [...namespaces(), ...programs(), ...fileSystems(), ...others()];
}

function namespaces(): readonly Probe[] {
  const isOrdinary = isOrdinaryUser();
  return [
    {
      name: 'root',
      isRequired: false,
      cost: 'volumes are plain directories, there is one user id, and no limits of cpu and memory',
      remedy: 'run it as root',
      tryIt: async () => {
        if (isOrdinary) throw new UnavailableError(`user id ${process.geteuid?.()}`);
        return await Promise.resolve('');
      },
    },
    {
      name: 'mount namespaces',
      isRequired: !isOrdinary,
      cost: 'runs cannot be kept apart from the machine',
      remedy: 'root with CAP_SYS_ADMIN; in Docker: --cap-add SYS_ADMIN --security-opt seccomp=unconfined',
      tryIt: async () => await tryCommand(['unshare', ...(isOrdinary ? ['-Ur'] : []), '--mount', 'true']),
    },
    {
      name: 'user namespaces',
      isRequired: isOrdinary,
      cost: 'nobody but root can run containers',
      remedy: 'sysctl -w user.max_user_namespaces=15000',
      tryIt: async () => {
        const problem = await userNamespaceProblem();
        if (problem !== undefined) throw new UnavailableError(problem);
        return '';
      },
    },
    {
      name: 'network namespaces',
      isRequired: false,
      cost: 'a second Docker engine cannot be kept apart from the machine',
      remedy: 'root with CAP_SYS_ADMIN; in Docker: --cap-add SYS_ADMIN --security-opt seccomp=unconfined',
      tryIt: async () => await tryCommand(['unshare', ...(isOrdinary ? ['-Ur'] : []), '--net', 'true']),
    },
  ];
}

function programs(): readonly Probe[] {
  return [
    {
      name: 'container runtime (runc)',
      isRequired: true,
      cost: 'no container can be started',
      remedy: 'apt-get install runc',
      tryIt: async () => firstLine(await tryCommand(['runc', '--version'])),
    },
    {
      name: 'faster runtime (crun)',
      isRequired: false,
      cost: 'mesos-agent --container_runtime=crun cannot be used',
      remedy: 'apt-get install crun',
      tryIt: async () => firstLine(await tryCommand(['crun', '--version'])),
    },
    {
      name: 'container init (tini-static)',
      isRequired: true,
      cost: 'no container can be started',
      remedy: 'apt-get install tini',
      tryIt: async () => firstLine(await tryCommand(['tini-static', '--version'])),
    },
    {
      name: 'busybox',
      isRequired: false,
      cost: 'the stand-in for ubuntu:14.04 cannot be built',
      remedy: 'apt-get install busybox-static',
      tryIt: async () => firstLine(await tryCommand(['busybox'])),
    },
    {
      name: 'stand-in image',
      isRequired: true,
      cost: 'the scenario needs --image with a real archive',
      remedy: 'npm run setup',
      tryIt: async () => {
        await access(STANDIN_IMAGE);
        return STANDIN_IMAGE;
      },
    },
    {
      name: "dvdcli's bundle",
      isRequired: true,
      cost: 'no volume can be mounted',
      remedy: 'npm run setup',
      tryIt: async () => {
        await access(DVDCLI_BUNDLE);
        return '';
      },
    },
    {
      name: 'Node',
      isRequired: true,
      cost: 'nothing runs',
      remedy: 'npm ci, which brings the pinned Node',
      tryIt: async () => `${process.version} runs this, ${firstLine(await tryCommand(['node', '--version']))} in PATH`,
    },
  ];
}

function fileSystems(): readonly Probe[] {
  return [
    {
      name: 'overlay file systems',
      isRequired: false,
      cost: 'root file systems of images are copied, which is slower',
      remedy: 'a temporary directory that is not on an overlay itself: TMPDIR',
      tryIt: async () =>
        await tryMounting('mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w overlay m'),
    },
    {
      name: 'mkfs.ext4',
      isRequired: !isOrdinaryUser(),
      cost: 'convoy keeps volumes as plain directories (vfs), without lost+found: the scenario of root fails on that',
      remedy: 'apt-get install e2fsprogs',
      tryIt: async () => firstLine(await tryCommand(['mkfs.ext4', '-V'])),
    },
    {
      name: 'loop devices',
      isRequired: !isOrdinaryUser(),
      cost: 'convoy keeps volumes as plain directories (vfs), without lost+found: the scenario of root fails on that',
      remedy: 'modprobe loop; in Docker: --device-cgroup-rule "b 7:* rmw" and the device nodes',
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
  ];
}

function others(): readonly Probe[] {
  return [
    {
      name: 'FUSE device',
      isRequired: false,
      cost: 'drivers that mount through FUSE (rclone, sshfs, glusterfs) cannot be tested',
      remedy: 'modprobe fuse; in Docker: --device /dev/fuse',
      tryIt: async () => {
        await access('/dev/fuse', constants.R_OK | constants.W_OK);
        return '/dev/fuse';
      },
    },
    {
      name: 'FUSE programs (fuse3)',
      isRequired: false,
      cost: 'drivers that mount through FUSE (rclone, sshfs) cannot be tested',
      remedy: 'apt-get install fuse3',
      tryIt: async () => firstLine(await tryCommand(['fusermount3', '--version'])),
    },
    {
      name: 'rclone',
      isRequired: false,
      cost: 'the one real driver that tests use is not there',
      remedy: 'apt-get install rclone',
      tryIt: async () => firstLine(await tryCommand(['rclone', 'version'])),
    },
    {
      name: 'GlusterFS',
      isRequired: false,
      cost: '`driver start --store glusterfs` and tests tagged `gluster` cannot run',
      remedy: 'apt-get install glusterfs-server',
      tryIt: async () => firstLine(await tryCommand(['glusterd', '--version'])),
    },
    {
      name: 'Docker engine',
      isRequired: false,
      cost: 'tests tagged `docker` cannot run',
      remedy: 'apt-get install docker.io, and as an ordinary user start its daemon: dockerd',
      tryIt: async () => await tryDockerEngine('/var/run/docker.sock'),
    },
    {
      name: 'registry (docker-registry)',
      isRequired: false,
      cost: 'tests tagged `registry` cannot run',
      remedy: 'apt-get install docker-registry',
      tryIt: async () => firstLine(await tryCommand(['docker-registry', '--version'])),
    },
  ];
}
