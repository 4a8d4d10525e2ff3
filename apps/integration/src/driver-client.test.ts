/** Agents that talk to volume drivers in other ways than through the dvdcli of their PATH. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalCluster } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assertNothingLeft, aVolume, startTestCluster, startTestDriver } from './testing/test-cluster.ts';

const tags = ['root'];
const volumes = (...values: readonly object[]): string => JSON.stringify(values);

describe('mesos-agent --docker_volume_client=plugin', { tags }, () => {
  let cluster: LocalCluster;
  beforeAll(async () => {
    cluster = await startTestCluster({ agentFlags: ['--docker_volume_client=plugin', '--dvdcli=/does/not/exist'] });
  }, 60_000);
  afterAll(async () => {
    await cluster.stop();
  }, 60_000);
  afterEach(async () => {
    await assertNothingLeft(cluster);
  });

  it('mounts, writes and unmounts without a dvdcli on the machine', async () => {
    const driver = await startTestDriver(cluster, 'direct');
    const value = volumes(aVolume({ driver: 'direct', path: 'data' }));
    expect((await cluster.execute({ command: 'echo kept > data/file', volumes: value })).states.at(-1)).toBe(
      'TASK_FINISHED',
    );
    const read = await cluster.execute({ command: 'cat data/file', volumes: value });
    expect(read.stdout).toContain('\nkept\n');
    const calls = await driver.stopAndListCalls();
    const lines = calls.join(' ').replaceAll('VolumeDriver.', '').split('Plugin.Activate ').slice(1);
    expect(lines.map((line) => line.trim())).toEqual(['Get Create Mount', 'Get Unmount', 'Get Mount', 'Get Unmount']);
  });

  it.each([
    ['refuses', 'error(no space left)', 'no space left'],
    ['answers with half a JSON object', 'malformed', ''],
    [
      'answers with an empty mountpoint',
      'mountpoint()',
      'expected a mountpoint in the answer to Mount, got an empty one',
    ],
  ])('tells the framework which driver %s, and how', async (title, fault, message) => {
    const name = `direct-${title.replaceAll(/\W/g, '-')}`;
    const driver = await startTestDriver(cluster, name, { faults: `mount: ${fault}` });
    const task = await cluster.execute({ command: 'true', volumes: volumes(aVolume({ driver: name })) });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain("Failed to launch container: Failed to mount volume '");
    expect(task.message).toContain(`through volume driver '${name}': `);
    expect(task.message).toContain(message);
    await driver.stopAndListCalls();
  });

  it('tells the framework that a driver is nowhere, after it has looked for it', async () => {
    const task = await cluster.execute({ command: 'true', volumes: volumes(aVolume({ driver: 'nobody', name: 'v' })) });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toBe(
      "Failed to launch container: Failed to look up volume driver 'nobody' to mount volume 'v': plugin not found",
    );
  });
});

describe('mesos-agent --dvdcli=PATH', { tags }, () => {
  it('runs the dvdcli that it names', async () => {
    await using cluster = await startTestCluster();
    const dvdcli = join(cluster.directory, 'my-dvdcli');
    const log = join(cluster.directory, 'my-dvdcli.log');
    await writeFile(dvdcli, `#!/bin/sh\necho "$1" >>${log}\nexec dvdcli "$@"\n`, { mode: 0o755 });
    await cluster.startAgent({ flags: [`--dvdcli=${dvdcli}`, '--attributes=dvdcli:mine'] });
    await cluster.agents[0]?.daemon.stop();
    const driver = await startTestDriver(cluster, 'named');
    const task = await cluster.execute({ command: 'true', volumes: volumes(aVolume({ driver: 'named' })) });
    expect(task.states.at(-1)).toBe('TASK_FINISHED');
    await driver.stopAndListCalls();
    expect((await cluster.exec(['cat', log])).stdout).toBe('mount\nunmount\n');
  });
});
