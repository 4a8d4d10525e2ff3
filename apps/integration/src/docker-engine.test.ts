import { join } from 'node:path';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY, StartedDockerEngine } from '@drydock/cluster';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestDriver, type TestDriver } from './testing/test-cluster.ts';

/** A real Docker Engine as the client of our drivers: what it accepts, other engines do. */
let cluster: LocalCluster;
let engine: StartedDockerEngine;
const IMAGE = 'ubuntu:14.04';

const DRIVERS = [
  { profile: 'convoy-0.5-vfs', scope: 'local', listing: ['myfile'] },
  { profile: 'convoy-0.5-devicemapper', scope: 'local', listing: ['lost+found', 'myfile'] },
  { profile: 'rexray-ebs', scope: 'global', listing: ['lost+found', 'myfile'] },
] as const;
const plugins = new Map<string, TestDriver>();

beforeAll(async () => {
  cluster = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
  engine = await StartedDockerEngine.start(cluster);
  await engine.docker(['load', '--input', join(STANDIN_IMAGES_DIRECTORY, `${IMAGE}.tar`)]);
  // All live as long as the engine: one that it knows and that does not answer costs 15 s a call.
  for (const { profile } of DRIVERS) plugins.set(profile, await startTestDriver(cluster, profile, { profile }));
}, 120_000);
afterAll(async () => {
  await cluster.stop();
}, 120_000);

const run = async (volume: string, command: string): Promise<string> =>
  await engine.docker(['run', '--rm', '--network=none', `--volume=${volume}`, IMAGE, 'sh', '-c', command]);

describe('the Docker Engine', { tags: ['docker', 'root'] }, () => {
  it.each(DRIVERS)('creates, mounts, shares and removes a volume of $profile', async ({ profile, scope, listing }) => {
    const name = `${profile}-v1`;
    expect(await engine.docker(['volume', 'create', `--driver=${profile}`, name])).toBe(name);
    const inspected = await engine.docker(['volume', 'inspect', '--format={{.Driver}} {{.Scope}}', name]);
    expect(inspected).toBe(`${profile} ${scope}`);
    expect(await run(`${name}:/data`, 'touch /data/myfile')).toBe('');
    expect((await run(`${name}:/data`, 'ls /data')).split('\n')).toEqual(listing);

    const detached = ['run', '--detach', '--network=none', `--volume=${name}:/data`, IMAGE, 'sleep', '600'];
    const holder = await engine.docker(detached);
    await run(`${name}:/data`, 'echo shared >/data/other');
    expect(await engine.docker(['exec', holder, 'cat', '/data/other'])).toBe('shared');
    const refused = await engine.tryDocker(['volume', 'rm', name]);
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('volume is in use')]);

    await engine.docker(['rm', '--force', holder]);
    await engine.docker(['volume', 'rm', name]);
    expect(await engine.docker(['volume', 'ls', '--quiet'])).toBe('');
  });

  it('leaves no container, mount or driver call unpaired', async () => {
    await engine.stop();
    for (const [profile, plugin] of plugins) {
      const calls = await plugin.stopAndListCalls();
      const countOf = (method: string): number => calls.filter((call) => call === `VolumeDriver.${method}`).length;
      const counts = [countOf('Create'), countOf('Mount'), countOf('Unmount'), countOf('Remove')];
      expect([profile, ...counts]).toEqual([profile, 1, 4, 4, 1]);
    }
    expect(await cluster.leaks()).toEqual([]);
  });
});
