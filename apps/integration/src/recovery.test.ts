import { readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import type { ExecutedTask, LocalCluster } from '@drydock/cluster';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertNothingLeft, type TestDriver } from './testing/test-cluster.ts';
import { VolumeWorld } from './testing/volume-world.ts';

let world: VolumeWorld;
let cluster: LocalCluster;
let driver: TestDriver;
beforeEach(async () => {
  world = await VolumeWorld.start();
  ({ cluster, driver } = world);
}, 60_000);
afterEach(async () => {
  await world[Symbol.asyncDispose]();
}, 60_000);

const tags = ['root'];
const volumes = (): string => JSON.stringify([world.volumeAt('/data')]);
/** Ends when the file `end-<name>` is in the volume. */
const untilTold = (name: string, then: string): string =>
  `touch /data/begun-${name}; until [ -e /data/end-${name} ]; do sleep 0.05; done; ${then}`;
const begun = async (...names: readonly string[]): Promise<void> =>
  await world.appeared(...names.map((name) => `begun-${name}`));
const tell = async (name: string): Promise<void> => await world.touch(`end-${name}`);
const lasting = async (
  name: string,
  then: string,
  flags: readonly string[] = [],
  signal?: AbortSignal,
): Promise<ExecutedTask> =>
  await cluster.execute({
    name,
    command: untilTold(name, then),
    volumes: volumes(),
    flags: ['--checkpoint', '--resources=cpus:0.1;mem:32', ...flags],
    ...(signal === undefined ? {} : { signal }),
  });

/** Of a task whose agent goes with it, so that nobody can be asked for its sandbox. */
const lastStateOf = async (name: string, flags: readonly string[]): Promise<string | undefined> => {
  const { stdout } = await cluster.run('mesos-execute', [
    `--master=${cluster.master}`,
    `--name=${name}`,
    '--docker_image=ubuntu:14.04',
    `--command=${untilTold(name, 'true')}`,
    `--volumes=${volumes()}`,
    '--resources=cpus:0.1;mem:32',
    ...flags,
  ]);
  return [...stdout.matchAll(/^Received status update (TASK_\w+)/gm)].at(-1)?.[1];
};

/** What nobody acknowledged in time is told again. */
const distinct = (states: readonly string[]): readonly string[] => [...new Set(states)];

describe('an agent that is started again', { tags, timeout: 120_000 }, () => {
  it('goes on with what it was killed in the middle of, and learns of ends that it missed', async () => {
    const tasks = Promise.all([
      lasting('missed', 'exit 3'),
      lasting('going-on', 'ls /data'),
      lasting('killed', 'true', ['--kill_after=6secs']),
    ]);
    await begun('missed', 'going-on', 'killed');
    const agentId = await readlink(join(world.agent.workDir, 'meta/slaves/latest'));
    await world.killAgent();
    await tell('missed');
    await waitUntil(async () => (await cluster.exec(['sh', '-c', 'cat /run/mesos/containers/*/exit'])).stdout !== '', {
      what: 'a container to end without its agent',
    });
    await cluster.restartAgent(world.agent);
    await tell('going-on');
    const [missed, goingOn, killed] = await tasks;

    expect(await readlink(join(world.agent.workDir, 'meta/slaves/latest'))).toBe(agentId);
    expect(distinct(missed.states)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED']);
    expect(missed.message).toBe('Command exited with status 3');
    expect(distinct(goingOn.states)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    expect(goingOn.stdout.split('\n')).toContain('begun-missed');
    expect(goingOn.stdout.match(/^Received SUBSCRIBED event$/gm)).toHaveLength(2);
    expect(killed.states.slice(-2)).toEqual(['TASK_KILLING', 'TASK_KILLED']);
    await assertNothingLeft(cluster);
    const calls = await driver.stopAndListCalls();
    expect(calls.filter((method) => method === 'VolumeDriver.Mount')).toHaveLength(3);
    expect(calls.filter((method) => method === 'VolumeDriver.Unmount')).toHaveLength(1);
    expect(calls.at(-1)).toBe('VolumeDriver.Unmount');
  });

  it('has ended what did not ask for checkpoints on SIGTERM, and goes on with the rest', async () => {
    const [checkpointed, other] = [lasting('checkpointed', 'true'), lastStateOf('other', [])];
    await begun('checkpointed', 'other');
    world.agent.daemon.kill('SIGTERM');
    expect(await other).toBe('TASK_KILLED');
    await world.agent.daemon.exited;
    expect(world.agent.daemon.exitCode).toBe(0);
    await cluster.restartAgent(world.agent);
    await tell('checkpointed');
    expect(distinct((await checkpointed).states)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    await assertNothingLeft(cluster);
  });

  it.each(['SIGUSR1', 'SIGINT'] as const)('ends everything and registers anew after %s', async (signal) => {
    const task = lastStateOf('ended', ['--checkpoint']);
    await begun('ended');
    world.agent.daemon.kill(signal);
    expect(await task).toBe('TASK_KILLED');
    await world.agent.daemon.exited;
    const { stdout } = await cluster.exec(['find', join(world.agent.workDir, 'meta')]);
    expect(stdout).not.toContain('frameworks');
    await cluster.restartAgent(world.agent);
    await assertNothingLeft(cluster);
  });

  it('registers anew when it has changed and nothing runs; otherwise it does not start', async () => {
    const ending = new AbortController();
    const task = lasting('changed', 'true', [], ending.signal);
    await begun('changed');
    const before = await readlink(join(world.agent.workDir, 'meta/slaves/latest'));
    await world.killAgent();
    const changed = { ...world.agent, argv: [...world.agent.argv, '--attributes=rack:r2'] };
    const refused = await cluster.run('mesos-agent', changed.argv);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('Failed to perform recovery: Incompatible agent info detected.');
    expect(refused.stderr).toContain('rm -f ');
    await cluster.restartAgent(world.agent);
    await tell('changed');
    expect((await task).states.at(-1)).toBe('TASK_FINISHED');
    await assertNothingLeft(cluster);
    await world.killAgent();
    await cluster.restartAgent(changed);
    const latest = join(changed.workDir, 'meta/slaves/latest');
    await waitUntil(async () => (await cluster.exec(['readlink', latest])).exitCode === 0, { what: 'the new id' });
    expect(await readlink(latest)).not.toBe(before);
    await assertNothingLeft(cluster);
  });

  it('leaves what the earlier one ran alone when it cannot start after all', async () => {
    const task = lasting('alone', 'true');
    await begun('alone');
    await world.killAgent();
    const taken = cluster.master.split(':').at(-1);
    const refused = await cluster.run('mesos-agent', [...world.agent.argv, `--port=${taken}`]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('Address already in use');
    await cluster.restartAgent(world.agent);
    await tell('alone');
    expect(distinct((await task).states)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    await assertNothingLeft(cluster);
  });

  it('ends what the earlier one ran when it was away for too long', async () => {
    const task = lasting('late', 'true');
    await begun('late');
    await world.killAgent();
    await cluster.exec(['touch', '-d', '16 minutes ago', join(world.agent.workDir, 'meta/boot_id')]);
    await cluster.restartAgent(world.agent);
    const { states, message } = await task;
    expect(states.at(-1)).toBe('TASK_FAILED');
    expect(message).toBe('There was no agent for longer than the recovery timeout of 15mins');
    await assertNothingLeft(cluster);
  });

  it('ends what the earlier one ran and itself with --recover=cleanup', async () => {
    const ending = new AbortController();
    const task = lasting('cleaned', 'true', [], ending.signal);
    await begun('cleaned');
    await world.killAgent();
    const { exitCode, stderr } = await cluster.run('mesos-agent', [...world.agent.argv, '--recover=cleanup']);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    ending.abort();
    await task;
    expect(await cluster.leaks()).toEqual([]);
  });

  it('does not start over a state that it cannot read, and says what to do; without --strict it does', async () => {
    const ending = new AbortController();
    const task = lasting('broken', 'true', [], ending.signal);
    await begun('broken');
    await world.killAgent();
    const { stdout } = await cluster.exec(['find', join(world.agent.workDir, 'meta'), '-name', 'executor.info']);
    await writeFile(stdout.trim(), 'not a message');
    const refused = await cluster.run('mesos-agent', world.agent.argv);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain(`Failed to read '${stdout.trim()}'`);
    expect(refused.stderr).toContain(`rm -f ${join(world.agent.workDir, 'meta/slaves/latest')}`);
    await rm(join(world.agent.workDir, 'agent.address'), { force: true });
    const lenient = { ...world.agent, argv: [...world.agent.argv, '--no-strict'] };
    await cluster.restartAgent(lenient);
    ending.abort();
    await task;
    await assertNothingLeft(cluster);
  });
});
