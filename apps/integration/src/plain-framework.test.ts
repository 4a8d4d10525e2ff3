import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LocalCluster } from '@drydock/cluster';
import { runPlainTask } from './testing/plain-framework.ts';
import { assertNothingLeft, aVolume, startTestCluster } from './testing/test-cluster.ts';

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
  await cluster.startAgent();
  await cluster.startConvoy();
});
afterAll(async () => {
  await cluster.stop();
});

function aTask(id: string, command: string): { readonly [key: string]: unknown } {
  return {
    name: id,
    task_id: { value: id },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
    ],
    command: { value: command },
    container: {
      type: 'MESOS',
      mesos: { image: { type: 'DOCKER', docker: { name: 'ubuntu:14.04' } } },
      volumes: [aVolume({ driver: 'convoy', name: 'myvolume', path: '/tmp/myvolume' })],
    },
  };
}

/** stdout of the only sandbox of a task, wherever it ran. */
async function stdoutOf(taskId: string): Promise<string> {
  for (const { workDir } of cluster.agents) {
    const paths = await readdir(join(workDir, 'slaves'), { recursive: true });
    const found = paths.find((path) => path.includes(`/executors/${taskId}/`) && path.endsWith('/stdout'));
    if (found !== undefined) return await readFile(join(workDir, 'slaves', found), 'utf8');
  }
  return '';
}

it('runs the story on two agents that share a host', { tags: ['root'] }, async () => {
  const first = await runPlainTask(cluster.master, aTask('touch', 'touch /tmp/myvolume/myfile'));
  expect(first['state']).toBe('TASK_FINISHED');
  // convoy does not count its mounts, and each agent counts its own: the first must have unmounted before the second
  // mounts, or it unmounts for both.
  await cluster.waitUntilIdle();
  const second = await runPlainTask(cluster.master, aTask('list', 'ls /tmp/myvolume'), first['agentId']);
  expect(second['state']).toBe('TASK_FINISHED');
  expect(second['agentId']).not.toBe(first['agentId']);
  expect(await stdoutOf('list')).toMatch(/\nlost\+found\nmyfile\n/);
  await assertNothingLeft(cluster);
});
