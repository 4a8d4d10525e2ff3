import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalCluster } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assertNothingLeft, aVolume, startTestCluster, startTestDriver } from './testing/test-cluster.ts';

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
  await startTestDriver(cluster, 'well');
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);
afterEach(async () => {
  await assertNothingLeft(cluster);
});

const tags = ['root'];
/** Flags of an agent that shares nothing with the cluster's. */
const ofAnotherAgent = (): readonly string[] => [
  `--master=${cluster.master}`,
  `--work_dir=${join(cluster.directory, 'refused')}`,
  '--runtime_dir=/run/refused',
  '--docker_volume_checkpoint_dir=/run/refused/isolators/docker/volume',
  '--port=0',
];
const volumes = (...list: readonly Record<string, unknown>[]): string => JSON.stringify(list);

describe('a task that asks for', { tags }, () => {
  it.each([
    ['a volume without driver', volumes(aVolume({})), "The volume driver is not specified for volume 'v1'"],
    [
      'the same volume twice',
      volumes(aVolume({ driver: 'well' }), aVolume({ driver: 'well', path: '/other' })),
      "Found duplicate docker volume with driver 'well' and name 'v1'",
    ],
    ['.. in a container_path', volumes(aVolume({ driver: 'well', path: '/a/../../etc' })), 'Invalid container path'],
    ['a driver that leaves the plugin directory', volumes(aVolume({ driver: '../x' })), 'Invalid volume driver "../x"'],
  ])('%s fails and says why', async (_, value, message) => {
    const task = await cluster.execute({ command: 'true', volumes: value });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain(`Failed to launch container: ${message}`);
    expect(task.result.exitCode).toBe(0);
  });

  it('an absolute container_path that does not exist, without an image, fails and leaves no directory', async () => {
    const value = volumes(aVolume({ driver: 'well', path: '/drydock-does-not-exist' }));
    const task = await cluster.execute({ command: 'true', image: null, volumes: value });
    expect(task.message).toBe(
      "Failed to launch container: Absolute container path '/drydock-does-not-exist' does not exist",
    );
    expect((await cluster.exec(['test', '-e', '/drydock-does-not-exist'])).exitCode).toBe(1);
  });

  it('an unknown image fails and names the archive', async () => {
    const task = await cluster.execute({ command: 'true', image: 'nobody/nothing:1' });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain("Failed to find archive for image 'nobody/nothing:1' at");
  });

  it('an unknown driver fails after dvdcli has looked for it', async () => {
    const task = await cluster.execute({ command: 'true', volumes: volumes(aVolume({ driver: 'nobody' })) });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain('Failed to launch container: Unexpected termination of the subprocess');
    expect(task.message).toContain('Error looking up volume plugin nobody');
  });

  it.each([['sh', "sh -c 'no-such-command'", 'Command exited with status 127']])(
    'a command that does not exist fails with the status of %s',
    async (_, line, message) => {
      const task = await cluster.execute({ command: 'no-such-command' });
      expect(task.states.at(-1)).toBe('TASK_FAILED');
      expect(task.message).toBe(message);
      expect(task.stdout).toContain(line);
      expect(task.stderr).toContain('not found');
    },
  );
});

describe('a driver that answers a mount with', { tags }, () => {
  it.each([
    ['an error', 'error(no space left)', 'no space left'],
    ['an empty mountpoint', 'mountpoint()', ''],
    ['a relative mountpoint', 'mountpoint(var/mnt)', 'expected the absolute path of an existing directory'],
    ['the root as mountpoint', 'mountpoint(/)', 'expected the absolute path of an existing directory'],
    ['a mountpoint that does not exist', 'mountpoint(/does/not/exist)', 'expected the absolute path'],
    ['half a JSON object', 'malformed', 'Unexpected termination of the subprocess'],
    ['nothing', 'empty', 'Unexpected termination of the subprocess'],
  ])('%s fails the task', async (_, fault, message) => {
    const name = `bad-${fault.replaceAll(/\W/g, '-')}`;
    const driver = await startTestDriver(cluster, name, { faults: `mount: ${fault}` });
    const task = await cluster.execute({ command: 'true', volumes: volumes(aVolume({ driver: name })) });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain('Failed to launch container: ');
    expect(task.message).toContain(message);
    await driver.stopAndListCalls();
  });

  it('silence: a kill ends the wait', async () => {
    const driver = await startTestDriver(cluster, 'silent', { faults: 'mount: hang' });
    const task = await cluster.execute({
      command: 'true',
      volumes: volumes(aVolume({ driver: 'silent' })),
      signal: AbortSignal.timeout(2_000),
    });
    expect(task.result.isCanceled).toBe(true);
    const calls = await driver.stopAndListCalls();
    // The outcome of the mount is unclear, so it is undone.
    expect(calls.at(-1)).toBe('VolumeDriver.Unmount');
  });
});

describe('mesos-execute', { tags }, () => {
  it.each([
    ['an unknown flag', ['--nope'], "Failed to load unknown flag 'nope'"],
    ['no name', ['--command=true'], 'Missing required option --name'],
    ['volumes that are not JSON', ['--name=t', '--command=true', '--volumes=[{'], '--volumes'],
    [
      'a missing volumes file',
      ['--name=t', '--command=true', '--volumes=/does/not/exist.json'],
      '/does/not/exist.json',
    ],
    ['resources that cannot be read', ['--name=t', '--command=true', '--resources=cpus'], 'Failed to parse resources'],
  ])('refuses %s', async (_, args, message) => {
    const result = await cluster.run('mesos-execute', [`--master=${cluster.master}`, ...args]);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(message);
  });

  it('says that the master is not there', async () => {
    const args = ['--master=127.0.0.1:1', '--name=t', '--command=true'];
    const result = await cluster.run('mesos-execute', args, { timeoutMs: 15_000 });
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('127.0.0.1:1');
  });
});

describe('a daemon', { tags }, () => {
  it.each([
    ['mesos-master', ['--nope'], "Failed to load unknown flag 'nope'"],
    ['mesos-master', [], "Flag 'work_dir' is required"],
    ['mesos-master', ['--work_dir=relative'], 'Expecting an absolute path'],
    ['mesos-master', ['--work_dir=/w', '--agent_ping_timeout=10ms'], 'Expected it to be between 1secs and 15mins'],
    ['mesos-master', ['--work_dir=/w', '--agent_ping_timeout=16mins'], 'Expected it to be between 1secs and 15mins'],
    ['mesos-master', ['--work_dir=/w', '--max_agent_ping_timeouts=0'], 'Expected it to be at least 1'],
    ['mesos-master', ['--work_dir=/w', '--agent_reregister_timeout=1mins'], 'Must be at least 10mins'],
    ['mesos-master', ['--work_dir=/w', '--allocation_interval=0secs'], 'Expected it to be at least 1ms'],
    ['mesos-master', ['--work_dir=/w', '--advertise_ip=localhost'], 'Expecting the IP address of one machine'],
    ['mesos-agent', ['--master=h:5050', '--work_dir=/w', '--advertise_port=0'], 'Expecting a port from 1 to 65535'],
    ['mesos-agent', ['--work_dir=/w'], "Flag 'master' is required"],
    ['mesos-agent', ['--master=h:5050', '--work_dir=/w', '--port=no'], 'Expecting a port from 0 to 65535'],
    [
      'mesos-agent',
      ['--master=h:5050', '--work_dir=/w', '--docker_volume_client=flocker'],
      'Expecting one of dvdcli, plugin',
    ],
    ['mesos-agent', ['--master=h:5050', '--work_dir=/w', '--dvdcli=dvdcli'], 'Expecting an absolute path'],
    [
      'mesos-agent',
      ['--master=h:5050', '--work_dir=/w', '--docker_registry=registry.test:5000'],
      'Expecting an absolute path, a file:// URL, or http(s)://host[:port]',
    ],
    [
      'mesos-agent',
      ['--master=h:5050', '--work_dir=/w', '--docker_config=secret'],
      "Failed to load value '<hidden>' for flag 'docker_config': Expecting an absolute path or a JSON object",
    ],
    ['mesos-agent', ['--master=h:5050', '--work_dir=/w', '--fetcher_stall_timeout=0secs'], 'Expecting more than 0'],
  ] as const)('%s %j does not start', async (program, args, message) => {
    const result = await cluster.run(program, args);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(message);
  });

  it.each([
    ['docker/volume', "The 'docker/volume' isolator requires the 'filesystem/linux' isolator"],
    ['filesystem/linux,nope', "Unknown or unsupported isolator 'nope'"],
    ['filesystem/linux,filesystem/linux', 'Duplicate entries found in --isolation flag'],
  ])('mesos-agent --isolation=%s does not start', async (isolation, message) => {
    const result = await cluster.run('mesos-agent', [...ofAnotherAgent(), `--isolation=${isolation}`]);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(message);
  });

  it.each([
    ['/does/not/exist', "Failed to parse docker config '/does/not/exist': ENOENT"],
    ['{"auths": secret}', 'Failed to parse docker config: expected JSON'],
  ])('mesos-agent --docker_config=%s does not start', async (config, message) => {
    const result = await cluster.run('mesos-agent', [
      ...ofAnotherAgent(),
      '--isolation=filesystem/linux,docker/runtime',
      '--image_providers=docker',
      `--docker_config=${config}`,
    ]);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(
      `Failed to create a containerizer: Could not create MesosContainerizer: Failed to create Docker puller: ${message}`,
    );
    expect(result.stderr).not.toContain('secret');
  });

  it('mesos-agent does not start without dvdcli or without a runtime', async () => {
    const flags = [...ofAnotherAgent(), '--isolation=filesystem/linux,docker/volume'];
    const bin = join(cluster.directory, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'runc'), '#!/bin/sh\n', { mode: 0o755 });
    const withoutDvdcli = await cluster.run('mesos-agent', flags, {
      env: { PATH: `${bin}:/usr/bin:/usr/sbin:/bin:/sbin` },
    });
    expect(withoutDvdcli.exitCode).toBe(1);
    expect(withoutDvdcli.stderr).toContain(
      "The 'docker/volume' isolator cannot get dvdcli command: it is not in PATH; name it with --dvdcli",
    );
    const withAnother = await cluster.run('mesos-agent', [...flags, '--dvdcli=/etc/passwd']);
    expect(withAnother.exitCode).toBe(1);
    expect(withAnother.stderr).toContain(
      "cannot get dvdcli command: expected --dvdcli to name an executable file, got '/etc/passwd'",
    );
    const withOld = await cluster.run('mesos-agent', [...flags, '--docker_volume_explicit_create'], {
      env: { ...process.env, DVDCLI_COMPAT: '0.1' },
    });
    expect(withOld.exitCode).toBe(1);
    expect(withOld.stderr).toContain('--docker_volume_explicit_create needs dvdcli 0.2 or newer');
    const withoutRuntime = await cluster.run('mesos-agent', [...flags, '--container_runtime=/does/not/exist']);
    expect(withoutRuntime.exitCode).toBe(1);
    expect(withoutRuntime.stderr).toContain('/does/not/exist');
  });

  it('does not start on a port in use', async () => {
    const [, port = ''] = cluster.master.split(':');
    const flags = [`--work_dir=${join(cluster.directory, 'second-master')}`, `--port=${port}`];
    const result = await cluster.run('mesos-master', flags);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain(`Failed to bind on 127.0.0.1:${port}: Address already in use`);
  });

  it('does not start on the work_dir of another agent', async () => {
    const [agent] = cluster.agents;
    const flags = [`--master=${cluster.master}`, `--work_dir=${agent?.workDir ?? ''}`, '--port=0'];
    const result = await cluster.run('mesos-agent', flags);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('Failed to lock the file at');
  });

  it.each([
    ['runtime_dir', (runtimeDir: string) => [`--runtime_dir=${runtimeDir}`]],
    [
      'docker_volume_checkpoint_dir',
      (runtimeDir: string) => [
        '--runtime_dir=/run/another',
        `--docker_volume_checkpoint_dir=${runtimeDir}/isolators/docker/volume`,
      ],
    ],
  ])('does not start on the %s of another agent, whose containers it would end', async (_, flagsOf) => {
    const flags = [`--master=${cluster.master}`, `--work_dir=${join(cluster.directory, 'second')}`, '--port=0'];
    const result = await cluster.run('mesos-agent', [
      ...flags,
      '--isolation=filesystem/linux,docker/volume',
      ...flagsOf('/run/mesos'),
    ]);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('Failed to lock the file at /run/mesos');
  });
});
