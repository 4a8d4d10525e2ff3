import { MesosClusterContainers } from '@drydock/cluster/containers';
import { waitUntil } from '@drydock/base/wait-until';
import { describe, expect, it } from 'vitest';
import { containersWorld } from '../testing/containers-world.ts';
import { aVolume } from '../testing/test-cluster.ts';

/** Volumes on hosts with addresses, disks and drivers of their own. */
const LOCAL = 'convoy-0.5-devicemapper';
const GLOBAL = 'rexray-ebs';
const PREEMPTING = 'ebs-preempting';
const world = containersWorld(
  'volumes',
  new MesosClusterContainers()
    .withAgents(2)
    .withDriver('convoy')
    .withDriver(LOCAL)
    .withDriver(GLOBAL)
    .withDriver(GLOBAL, { name: PREEMPTING, flags: ['--preempt'] }),
);

const volume = (driver: string, name: string, mode: 'RW' | 'RO' = 'RW', path = '/data'): Record<string, unknown> =>
  aVolume({ driver, name, mode, path });

describe('volumes in a cluster of hosts', { tags: ['docker'] }, () => {
  it("plays the document's scenario", async () => {
    // `convoy create` on both: mesos-execute takes the first offer, whosever it is.
    for (const agent of world.cluster.agents) {
      expect(await agent.exec(['convoy', 'create', 'myvolume'])).toMatchObject({ exitCode: 0, stdout: 'myvolume\n' });
    }
    const volumes = JSON.stringify([volume('convoy', 'myvolume', 'RW', '/tmp/myvolume')]);
    const touch = await world.cluster.execute({ command: 'touch /tmp/myvolume/myfile', volumes });
    expect(touch.states).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    const list = await world.tasks.run(await world.agentOf('test'), {
      name: 'list',
      command: 'ls /tmp/myvolume',
      volumes: [volume('convoy', 'myvolume', 'RW', '/tmp/myvolume')],
    });
    expect(list).toMatchObject({ state: 'TASK_FINISHED', stdout: expect.stringContaining('\nlost+found\nmyfile\n') });
  });

  it('shows on one host what was written on another, where the driver is of global scope', async () => {
    const volumes = [volume(GLOBAL, 'global')];
    expect(
      await world.tasks.run(world.agent(0), { name: 'g1', command: 'echo A >/data/myfile', volumes }),
    ).toMatchObject({
      state: 'TASK_FINISHED',
    });
    const { state, stdout } = await world.tasks.run(world.agent(1), {
      name: 'g2',
      command: 'hostname; cat /data/myfile',
      volumes,
    });
    expect([state, stdout]).toEqual(['TASK_FINISHED', expect.stringContaining('\nagent-2\nA\n')]);
  });

  it('does not, where the driver is of local scope', async () => {
    const volumes = [volume(LOCAL, 'local')];
    const create = { name: 'l0', command: 'touch /data/myfile', volumes };
    expect(await world.tasks.run(world.agent(0), create)).toMatchObject({ state: 'TASK_FINISHED' });
    const { state, stdout } = await world.tasks.run(world.agent(1), { name: 'l1', command: 'ls /data', volumes });
    expect(state).toBe('TASK_FINISHED');
    expect(stdout).toContain('\nlost+found\n');
    expect(stdout).not.toContain('myfile');
  });

  it('refuses a volume that is attached to another host, and gives it when that has let go', async () => {
    const volumes = [volume(GLOBAL, 'exclusive')];
    await world.tasks.launch(world.agent(0), { name: 'x1', command: 'echo held >/data/by; exec sleep 600', volumes });
    await world.tasks.running('x1');
    const refused = await world.tasks.run(world.agent(1), { name: 'x2', command: 'cat /data/by', volumes });
    expect(refused).toMatchObject({
      state: 'TASK_FAILED',
      message: expect.stringContaining('volume already attached to a host'),
    });
    expect(await world.tasks.kill('x1')).toMatchObject({ state: 'TASK_KILLED' });
    await world.cluster.waitUntilIdle();
    const given = await world.tasks.run(world.agent(1), { name: 'x3', command: 'cat /data/by', volumes });
    expect(given).toMatchObject({ state: 'TASK_FINISHED', stdout: expect.stringContaining('\nheld\n') });
  });

  it('fences a host from which a volume is taken: its late writes never reach the store', async () => {
    const volumes = [volume(PREEMPTING, 'taken')];
    const write = 'n=0; while :; do n=$((n + 1)); echo $n >>/data/log; echo wrote $n; sleep 0.1; done';
    await world.tasks.launch(world.agent(0), { name: 'p1', command: write, volumes });
    await world.tasks.running('p1');
    const first = await world.cluster.sandbox({ id: 'p1' });
    const written = async (): Promise<number> =>
      (await first.stdout()).split('\n').filter((line) => line.startsWith('wrote')).length;
    await waitUntil(async () => (await written()) >= 3, { what: 'three lines of the first writer', timeoutMs: 30_000 });
    // What is not on the device when it is taken is lost, as in a crash.
    expect(await world.agent(0).exec(['sync'])).toMatchObject({ exitCode: 0 });

    const keep =
      'cp /data/log /data/before; until [ -e /data/go ]; do sleep 0.1; done; [ "$(cat /data/log)" = "$(cat /data/before)" ] && wc -l </data/log';
    await world.tasks.launch(world.agent(1), { name: 'p2', command: keep, volumes });
    await world.tasks.running('p2');
    const taken = await written();
    await waitUntil(async () => (await written()) >= taken + 10, { what: 'ten late lines', timeoutMs: 30_000 });
    expect(await world.agent(1).driver(PREEMPTING).requests()).not.toEqual([]);
    const go = await world
      .agent(1)
      .exec([
        'sh',
        '-c',
        'touch "$(grep -o "/var/lib/drydock/ebs-preempting[^ ]*taken/data" /proc/mounts | head -1)/go"',
      ]);
    expect(go).toMatchObject({ exitCode: 0 });
    const p2 = await world.tasks.end('p2');
    expect(p2).toMatchObject({ state: 'TASK_FINISHED' });
    expect(Number(p2.stdout.match(/^(\d+)$/m)?.[1])).toBeLessThanOrEqual(taken + 1);
    expect(await world.tasks.kill('p1')).toMatchObject({ state: 'TASK_KILLED' });
  });

  it('gives a task volumes of two drivers', async () => {
    const volumes = [volume(LOCAL, 'two', 'RW', '/local'), volume(GLOBAL, 'two', 'RW', '/global')];
    const { state, stdout } = await world.tasks.run(world.agent(0), {
      name: 'two',
      command: 'echo one >/local/file; echo two >/global/file; cat /local/file /global/file',
      volumes,
    });
    expect([state, stdout]).toEqual(['TASK_FINISHED', expect.stringContaining('\none\ntwo\n')]);
  });

  it('lets nobody write to a volume that is read-only', async () => {
    await world.tasks.run(world.agent(0), {
      name: 'ro0',
      command: 'echo kept >/data/file',
      volumes: [volume(LOCAL, 'ro')],
    });
    const { state, stdout } = await world.tasks.run(world.agent(0), {
      name: 'ro1',
      command: 'cat /data/file; touch /data/other',
      volumes: [volume(LOCAL, 'ro', 'RO')],
    });
    expect([state, stdout]).toEqual(['TASK_FAILED', expect.stringContaining('\nkept\n')]);
  });

  it('runs a task as another user, who may use what is theirs', async () => {
    const volumes = [volume(LOCAL, 'user')];
    await world.tasks.run(world.agent(0), { name: 'u0', command: 'mkdir /data/own; chown 65534 /data/own', volumes });
    const command = 'id -u; touch /data/own/file && ls /data/own; touch /data/denied';
    const ended = await world.tasks.run(world.agent(0), { name: 'u1', command, volumes, user: 'nobody' });
    expect(ended).toMatchObject({ state: 'TASK_FAILED', stdout: expect.stringContaining('\n65534\nfile\n') });
  });

  it('runs a task group whose tasks share a volume', async () => {
    const resources = [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
    ];
    const member = (id: string, value: string): Record<string, unknown> => ({
      name: id,
      task_id: { value: id },
      resources,
      command: { value },
      container: { type: 'MESOS', volumes: [volume(LOCAL, 'group', 'RW', 'data')] },
    });
    const group = {
      tasks: [
        member('w', 'echo shared >data/part; mv data/part data/file'),
        member('r', 'until [ -e data/file ]; do sleep 0.1; done; cat data/file'),
      ],
    };
    const master = `master:${world.cluster.master.address.split(':')[1] ?? ''}`;
    const argv = ['mesos-execute', `--master=${master}`, `--task_group=${JSON.stringify(group)}`];
    const { exitCode, stdout } = await world.cluster.frameworks.exec(argv);
    expect([exitCode, stdout.match(/TASK_FINISHED for task '[rw]'/g)?.length, stdout]).toEqual([
      0,
      2,
      expect.anything(),
    ]);
    expect(await (await world.cluster.sandbox({ id: 'r' })).read('tasks/r/stdout')).toBe('shared\n');
  });
});
