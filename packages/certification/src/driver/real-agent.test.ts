import { describe, expect, it } from 'vitest';
import { aCertification } from '../testing/certification.ts';

describe('the real agent of a check', { tags: ['root'] }, () => {
  it('takes tasks to the driver through the relay, and serves the checks after it', async () => {
    await using certification = await aCertification();
    const { checks } = await certification.run({
      'X-001': async ({ realAgent, createdVolume, plugin, events, expect: demand }) => {
        const agent = await realAgent();
        const name = await createdVolume();
        const volumes = [{ name, containerPath: '/tmp/myvolume' }];
        const touched = await agent.task({ command: 'touch /tmp/myvolume/myfile', volumes });
        demand(touched.states.at(-1) === 'TASK_FINISHED', 'the task to finish', touched.message);
        const listed = await agent.task({ command: 'ls /tmp/myvolume', volumes });
        demand(listed.stdout.includes('myfile'), 'myfile', listed.stdout);
        await agent.cluster.waitUntilIdle();
        const asked = events().flatMap((event) => (event.kind === 'exchange' ? [event.method] : []));
        demand(asked.filter((method) => method === 'VolumeDriver.Mount').length === 2, 'two Mounts', asked);
        await plugin.call('VolumeDriver.Remove', { Name: name });
      },
      'X-002': async ({ realAgent, expect: demand }) => {
        const leaks = await (await realAgent()).cluster.leaks();
        demand(leaks.length === 0, 'no leaks', leaks);
      },
    });
    expect(checks.map(({ status, reason }) => [status, reason])).toEqual([
      ['pass', undefined],
      ['pass', undefined],
    ]);
  });
});
