/** The document's story through every driver profile, with every way to talk to it: what carries it, and what cannot. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY } from '@drydock/cluster';
import { driverProfiles, type DriverProfile } from '@drydock/fake-drivers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aVolume } from './testing/test-cluster.ts';

const DRYDOCK = fileURLToPath(new URL('../../drydock/bin/drydock.js', import.meta.url));

const CLIENTS = [
  { client: 'dvdcli 0.2', env: {}, flags: [] },
  { client: 'dvdcli 0.1', env: { DVDCLI_COMPAT: '0.1' }, flags: [] },
  { client: 'the agent itself', env: {}, flags: ['--docker_volume_client=plugin'] },
] as const;
type Client = (typeof CLIENTS)[number]['client'];

interface Obstacle {
  /** Whether the volume can be written to, and only the second task does not get it. */
  readonly isWritten: boolean;
  /** In the message of the task that fails; undefined = both tasks pass, and the volume stays mounted. */
  readonly message?: string;
}

interface Story {
  readonly states: readonly (string | undefined)[];
  readonly listing: readonly string[];
  readonly message: string;
}

const NEEDS_ID = 'got an empty one';
/** Its unmount begins with a Create, without options and for a volume that exists. */
const createsFirst = (message: string): Obstacle => ({ isWritten: true, message });

/** What a profile cannot do, and with whom; its other habits carry the story. */
const OBSTACLES: Readonly<Record<string, Partial<Record<Client, Obstacle>>>> = {
  // Without Get, dvdcli 0.2 can mount and never unmount.
  'convoy-0.4': { 'dvdcli 0.2': { isWritten: true } },
  'glusterfs-sapk': { 'dvdcli 0.1': createsFirst('voluri') },
  'rexray-ebs': { 'dvdcli 0.1': createsFirst('volume name already exists') },
  'rclone-id': { 'dvdcli 0.1': createsFirst('volume must have either remote or backend type') },
  'local-persist': { 'dvdcli 0.1': createsFirst('mountpoint') },
  sshfs: { 'dvdcli 0.1': createsFirst('sshcmd') },
  // Mounts are kept by the caller's id, which no client of Mesos' sends.
  'loopback-id': {
    'dvdcli 0.2': { isWritten: false, message: NEEDS_ID },
    'dvdcli 0.1': { isWritten: false, message: NEEDS_ID },
    'the agent itself': { isWritten: false, message: NEEDS_ID },
  },
};

describe.each(CLIENTS)('through $client', { tags: ['root'] }, ({ client, env, flags }) => {
  let cluster: LocalCluster;
  beforeAll(async () => {
    cluster = await LocalCluster.create({
      imagesDirectory: STANDIN_IMAGES_DIRECTORY,
      env: { ...process.env, DVDCLI_COMPAT: undefined, ...env },
    });
    await cluster.startMaster();
    await cluster.startAgent({ flags });
    await Promise.all(
      driverProfiles.map(async ({ name }) => {
        const start = ['driver', 'start', '--profile', name, '--directory', homeOf(name)];
        await cluster.startPlugin(name, [process.execPath, DRYDOCK, ...start]);
      }),
    );
  }, 120_000);
  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  const homeOf = (profile: string): string => join(cluster.directory, 'drivers', profile);
  const volumesOf = ({ name, exampleOptions }: DriverProfile): string => {
    const parameter = Object.entries(exampleOptions).map(([key, value]) => ({
      key,
      value: value.replaceAll('<name>', 'myvolume').replaceAll('<data>', join(homeOf(name), 'data')),
    }));
    const volume = aVolume({ driver: name, name: 'myvolume', path: '/tmp/myvolume' });
    const source = volume['source'] as { readonly docker_volume: object };
    const docker_volume = { ...source.docker_volume, driver_options: { parameter } };
    return JSON.stringify([{ ...volume, source: { ...source, docker_volume } }]);
  };

  /** How the two tasks ended, what the second one saw, and what a framework reads of the first that failed. */
  const tell = async (profile: DriverProfile): Promise<Story> => {
    const volumes = volumesOf(profile);
    const touch = await cluster.execute({ command: 'touch /tmp/myvolume/myfile', volumes });
    const list = await cluster.execute({ command: 'ls /tmp/myvolume', volumes });
    const failed = [touch, list].find(({ states }) => states.at(-1) !== 'TASK_FINISHED');
    return {
      states: [touch.states.at(-1), list.states.at(-1)],
      listing: list.stdout.split('\n').filter((line) => line === 'lost+found' || line === 'myfile'),
      message: failed?.message ?? '',
    };
  };

  it.each(driverProfiles)('$name: $summary', async (profile) => {
    const { isWritten = true, message } = OBSTACLES[profile.name]?.[client] ?? {};
    const isListed = message === undefined;
    const expected: Story = {
      states: [isWritten ? 'TASK_FINISHED' : 'TASK_FAILED', isListed ? 'TASK_FINISHED' : 'TASK_FAILED'],
      listing: isListed ? [...(profile.store === 'ext4-on-loop' ? ['lost+found'] : []), 'myfile'] : [],
      message: expect.stringContaining(message ?? ''),
    };
    expect(await tell(profile)).toEqual(expected);
  });

  it('leaves nothing mounted but what a driver does not let go of', async () => {
    const holding = Object.entries(OBSTACLES).flatMap(([name, by]) => (by[client] === undefined ? [] : [name]));
    const isTheirs = (path: string): boolean => holding.some((name) => path.includes(`${homeOf(name)}/`));
    const left = (await cluster.leaks()).filter(({ kind }) => kind === 'mount' || kind === 'loop device');
    expect(left.filter(({ what }) => !isTheirs(what))).toEqual([]);
  });
});
