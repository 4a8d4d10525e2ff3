import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { LocalCluster } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runPlainTask } from './testing/plain-framework.ts';
import { assertNothingLeft, startTestCluster } from './testing/test-cluster.ts';

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
  await cluster.startConvoy();
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);
afterEach(async () => {
  await assertNothingLeft(cluster);
});

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/tasks/${name}.json`, import.meta.url));

/** What convoy tells of a volume. */
async function inspect(name: string): Promise<{ readonly Size: string; readonly MountPoint: string }> {
  const result = await cluster.run('convoy', ['inspect', name]);
  expect(result.exitCode, result.stderr).toBe(0);
  const { DriverInfo } = JSON.parse(result.stdout) as { DriverInfo: { Size: string; MountPoint: string } };
  return DriverInfo;
}

describe("the document's examples", { tags: ['root'] }, () => {
  it.each([
    ['one-volume', 'one', ['volume0']],
    ['two-volumes', 'first', ['volume1', 'volume2']],
  ])('run through the v1 API and by mesos-execute --task: %s', async (name, line, volumes) => {
    const task = JSON.parse(await readFile(pathOf(name), 'utf8')) as { readonly [key: string]: unknown };
    expect(await runPlainTask(cluster.master, task)).toMatchObject({ state: 'TASK_FINISHED' });
    for (const flag of [`--task=${pathOf(name)}`, `--task=file://${pathOf(name)}`, `--task=${JSON.stringify(task)}`]) {
      const result = await cluster.run('mesos-execute', [`--master=${cluster.master}`, flag]);
      expect(result.exitCode, result.stderr).toBe(0);
      expect(result.stdout).toContain(`Submitted task '${name}' to agent '`);
      expect(result.stdout).toContain(`Received status update TASK_FINISHED for task '${name}'`);
      const frameworkId = /^Subscribed with ID (\S+)$/m.exec(result.stdout)?.[1] ?? '';
      const sandbox = await cluster.sandbox(frameworkId, name);
      expect(await readFile(`${sandbox}/stdout`, 'utf8')).toContain(`\n${line}\nCommand exited with status 0`);
    }
    await cluster.waitUntilIdle();
    for (const volume of volumes) expect((await inspect(volume)).MountPoint).toBe('');
  });

  it('hand the driver its options', async () => {
    const task = await cluster.run('mesos-execute', [`--master=${cluster.master}`, `--task=${pathOf('two-volumes')}`]);
    expect(task.exitCode, task.stderr).toBe(0);
    expect([(await inspect('volume1')).Size, (await inspect('volume2')).Size]).toEqual(['67108864', '33554432']);
  });
});

describe('the example of a task group', { tags: ['root'] }, () => {
  it('has two tasks that share a volume at a time', async () => {
    const argv = [`--master=${cluster.master}`, `--task_group=${pathOf('task-group')}`];
    const result = await cluster.run('mesos-execute', argv);
    expect(result.exitCode, result.stderr).toBe(0);
    expect(result.stdout).toContain('Submitted task group with tasks [ writer, reader ] to agent');
    const ends = [...result.stdout.matchAll(/^Received status update TASK_FINISHED for task '(\w+)'$/gm)];
    expect(ends.map(([, name = '']) => name).toSorted()).toEqual(['reader', 'writer']);
    const frameworkId = /^Subscribed with ID (\S+)$/m.exec(result.stdout)?.[1] ?? '';
    const sandbox = await cluster.sandbox(frameworkId, 'default-executor');
    expect(await readFile(`${sandbox}/tasks/reader/stdout`, 'utf8')).toBe('shared\n');
    await cluster.waitUntilIdle();
    expect((await inspect('volume0')).MountPoint).toBe('');
  });
});
