import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '@drydock/mesos';
import { ScriptedMaster, subscribed, type Script } from '@drydock/mesos/fake';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const UUID = Buffer.from('00112233445566778899aabbccddeeff', 'hex');

const scalar = (name: string, value: number): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  role: '*',
  allocation_info: { role: '*' },
});
const enough = [scalar('cpus', 2), scalar('mem', 1024)];
const VOLUMES = [
  {
    container_path: '/tmp/myvolume',
    mode: 'RW',
    source: { type: 'DOCKER_VOLUME', docker_volume: { driver: 'convoy', name: 'myvolume' } },
  },
];

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-execute-'));
  await writeFile(join(directory, 'myvolume.json'), JSON.stringify(VOLUMES));
  await writeFile(join(directory, 'broken.json'), '[{');
});
afterAll(async () => await rm(directory, { recursive: true }));

const execute = async (...flags: string[]): Promise<RunResult> =>
  await run([process.execPath, MAIN, ...flags], { cwd: directory, timeoutMs: 20_000 });

const task = (master: ScriptedMaster, ...flags: string[]): string[] => [
  `--master=${master.address}`,
  '--name=test',
  '--command=ls /tmp/myvolume',
  ...flags,
];

/** Offers enough, and tells what the document's task tells. */
const succeeding: Script = (call, master) => {
  if (call.type === 'SUBSCRIBE') {
    master.send(subscribed());
    master.send({ type: 'HEARTBEAT' });
    master.offer(enough);
  } else if (call.type === 'ACCEPT') {
    master.update({ state: 'TASK_STARTING', source: 'SOURCE_EXECUTOR', uuid: UUID });
    master.update({ state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', uuid: UUID });
    master.update({
      state: 'TASK_FINISHED',
      source: 'SOURCE_EXECUTOR',
      message: 'Command exited with status 0',
      uuid: UUID,
    });
  }
};

/** Runs the task until it is killed. */
const running: Script = (call, master) => {
  if (call.type === 'SUBSCRIBE') {
    master.send(subscribed());
    master.offer(enough);
  } else if (call.type === 'ACCEPT') {
    master.update({ state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', uuid: UUID });
  } else if (call.type === 'KILL') {
    master.update({ state: 'TASK_KILLED', source: 'SOURCE_EXECUTOR', uuid: UUID });
  }
};

describe('mesos-execute', () => {
  it.each(['protobuf', 'json', 'application/json', 'application/x-protobuf'])(
    'runs a task to its end, prints what upstream prints, acknowledges (%s)',
    async (type) => {
      await using master = await ScriptedMaster.start(succeeding);
      const flags = task(master, '--docker_image=ubuntu:14.04', '--volumes=myvolume.json', `--content_type=${type}`);
      const result = await execute(...flags);
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      expect(result.stdout).toBe(
        [
          'Subscribed with ID M-0000',
          "Submitted task 'test' to agent 'M-S0'",
          "Received status update TASK_STARTING for task 'test'",
          '  source: SOURCE_EXECUTOR',
          "Received status update TASK_RUNNING for task 'test'",
          '  source: SOURCE_EXECUTOR',
          "Received status update TASK_FINISHED for task 'test'",
          "  message: 'Command exited with status 0'",
          '  source: SOURCE_EXECUTOR',
          '',
        ].join('\n'),
      );
      expect(master.contentType).toBe(type.endsWith('json') ? 'application/json' : 'application/x-protobuf');
      expect(master.callTypes).toEqual([
        'SUBSCRIBE',
        'ACCEPT',
        'SUPPRESS',
        'ACKNOWLEDGE',
        'ACKNOWLEDGE',
        'ACKNOWLEDGE',
      ]);
      expect(master.calls[0]?.subscribe?.framework_info).toEqual({
        user: userInfo().username,
        name: 'mesos-execute instance',
        role: '*',
        checkpoint: false,
        capabilities: [
          { type: 'RESERVATION_REFINEMENT' },
          { type: 'TASK_KILLING_STATE' },
          { type: 'REVOCABLE_RESOURCES' },
          { type: 'PARTITION_AWARE' },
        ],
      });
      expect(master.calls[1]?.accept?.operations?.[0]?.launch?.task_infos).toEqual([
        {
          name: 'test',
          task_id: { value: 'test' },
          agent_id: { value: 'M-S0' },
          resources: [
            { name: 'cpus', type: 'SCALAR', scalar: { value: 1 } },
            { name: 'mem', type: 'SCALAR', scalar: { value: 128 } },
          ],
          command: { shell: true, value: 'ls /tmp/myvolume' },
          container: {
            type: 'MESOS',
            volumes: VOLUMES,
            mesos: { image: { type: 'DOCKER', docker: { name: 'ubuntu:14.04' } } },
          },
        },
      ]);
      expect(master.calls[3]?.acknowledge?.uuid).toEqual(UUID);
    },
  );

  it('declines offers until one is large enough', async () => {
    await using master = await ScriptedMaster.start((call, it) => {
      if (call.type === 'SUBSCRIBE') {
        it.send(subscribed());
        it.offer([scalar('cpus', 2), scalar('mem', 127)], 'M-O0');
      } else if (call.type === 'DECLINE') it.offer([scalar('cpus', 1), scalar('mem', 128)], 'M-O1');
      else if (call.type === 'ACCEPT') it.update({ state: 'TASK_FINISHED' });
    });
    expect(await execute(...task(master))).toMatchObject({ exitCode: 0 });
    expect(master.calls[1]?.decline?.offer_ids).toEqual([{ value: 'M-O0' }]);
    expect(master.calls[2]?.accept?.offer_ids).toEqual([{ value: 'M-O1' }]);
  });

  it('exits with 0 when the task is refused, and acknowledges nothing that has no uuid', async () => {
    await using master = await ScriptedMaster.start((call, it) => {
      if (call.type === 'SUBSCRIBE') {
        it.send(subscribed());
        it.offer(enough);
      } else if (call.type === 'ACCEPT') {
        it.update({ state: 'TASK_ERROR', source: 'SOURCE_MASTER', reason: 'REASON_TASK_INVALID', message: 'no' });
      }
    });
    const result = await execute(...task(master));
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.stdout).toContain(
      "Received status update TASK_ERROR for task 'test'\n  message: 'no'\n  source: SOURCE_MASTER\n  reason: REASON_TASK_INVALID\n",
    );
    expect(master.callTypes).not.toContain('ACKNOWLEDGE');
  });

  it.each([
    'TASK_FINISHED',
    'TASK_FAILED',
    'TASK_KILLED',
    'TASK_ERROR',
    'TASK_LOST',
    'TASK_DROPPED',
    'TASK_GONE',
    'TASK_GONE_BY_OPERATOR',
  ] as const)('exits with 0 at %s', async (state) => {
    await using master = await ScriptedMaster.start((call, it) => {
      if (call.type === 'ACCEPT') it.update({ state, healthy: true });
      else running(call, it);
    });
    const result = await execute(...task(master));
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toBe(
      `Subscribed with ID M-0000\nSubmitted task 'test' to agent 'M-S0'\nReceived status update ${state} for task 'test'\n  healthy?: 1\n`,
    );
  });

  it('says that the user has no name', { tags: ['root'] }, async () => {
    const argv = ['unshare', '--user', '--map-user=4242', process.execPath, MAIN] as const;
    const result = await run([...argv, '--master=127.0.0.1:1', '--name=test', '--command=ls']);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toBe('EXIT with status 1: No username for uid 4242\n');
  });

  it('reads nothing of the environment', async () => {
    const env = { ...process.env, MESOS_MASTER: '127.0.0.1:1', MESOS_NAME: 'test', MESOS_COMMAND: 'ls' };
    const result = await run([process.execPath, MAIN], { env });
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(/^Flag 'master' is required, but it was not provided\n/);
  });

  it('does not take TASK_UNREACHABLE for the end', async () => {
    await using master = await ScriptedMaster.start((call, it) => {
      if (call.type === 'ACCEPT') {
        it.update({ state: 'TASK_UNREACHABLE' });
        it.update({ state: 'TASK_GONE' });
      } else running(call, it);
    });
    const result = await execute(...task(master));
    expect(result.stdout).toContain('TASK_UNREACHABLE');
    expect(result.stdout).toContain('TASK_GONE');
  });

  it('kills the task when --kill_after has passed', async () => {
    await using master = await ScriptedMaster.start(running);
    const result = await execute(...task(master, '--kill_after=10ms'));
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.stdout).toContain("Asked to kill task 'test' on agent 'M-S0'\n");
    expect(result.stdout).toContain("Received status update TASK_KILLED for task 'test'");
    expect(master.calls.find(({ type }) => type === 'KILL')?.kill).toEqual({
      task_id: { value: 'test' },
      agent_id: { value: 'M-S0' },
    });
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('tears the framework down at %s and exits with %i', async (signal, exitCode) => {
    await using master = await ScriptedMaster.start(running);
    const child = spawn(process.execPath, [MAIN, ...task(master)], { stdio: ['ignore', 'pipe', 'pipe'] });
    const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
    const exit = once(child, 'exit');
    await waitUntil(() => master.callTypes.includes('ACKNOWLEDGE'), { what: 'the task to run' });
    child.kill(signal);
    expect(await exit).toEqual([exitCode, null]);
    expect(master.callTypes.at(-1)).toBe('TEARDOWN');
    expect((await outputs)[1]).toBe('');
  });

  it('exits at a signal while the master does not answer', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const child = spawn(process.execPath, [MAIN, `--master=127.0.0.1:${port}`, '--name=t', '--command=ls'], {
      stdio: 'ignore',
    });
    const exit = once(child, 'exit');
    const [socket] = await once(silent, 'connection');
    child.kill('SIGTERM');
    expect(await exit).toEqual([143, null]);
    socket.destroy();
    silent.close();
  });

  it('says that the master is not there', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const address = closed.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    closed.close();
    await once(closed, 'close');
    const result = await execute(`--master=127.0.0.1:${port}`, '--name=test', '--command=ls');
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toBe(
      `EXIT with status 1: Failed to reach http://127.0.0.1:${port}/api/v1/scheduler: connect ECONNREFUSED 127.0.0.1:${port}\n`,
    );
  });

  it.each<[string, Script, string]>([
    [
      'refuses the framework',
      (_, it) => it.send({ type: 'ERROR', error: { message: 'Framework has been removed' } }),
      'Received an ERROR event: Framework has been removed',
    ],
    [
      'gives up on the framework later',
      (_, it) => {
        it.send(subscribed());
        it.send({ type: 'ERROR', error: { message: 'Framework failed over' } });
      },
      'Received an ERROR event: Framework failed over',
    ],
    [
      'goes away while the task runs',
      (call, it) => (call.type === 'ACKNOWLEDGE' ? it.endStream() : running(call, it)),
      'The master ended the connection before the task had ended',
    ],
  ])('exits with 1 when the master %s', async (_, script, why) => {
    await using master = await ScriptedMaster.start(script);
    expect(await execute(...task(master))).toMatchObject({ exitCode: 1, stderr: `EXIT with status 1: ${why}\n` });
  });

  it('takes --task as path, as file URL and inline, and fills in the agent and what it is given of the resources', async () => {
    const aTask = {
      name: 'n',
      task_id: { value: 'i' },
      resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 1.5 } }],
      command: { value: 'ls' },
      discovery: { visibility: 'CLUSTER' },
    };
    const path = join(directory, 'task.json');
    await writeFile(path, JSON.stringify(aTask));
    await using master = await ScriptedMaster.start((call, it) => {
      if (call.type === 'SUBSCRIBE') {
        it.send(subscribed());
        const { role: _, ...cpus } = scalar('cpus', 1);
        it.offer([{ ...cpus, reservations: [{ type: 'STATIC', role: 'dev' }] }, cpus]);
      } else if (call.type === 'ACCEPT') it.update({ state: 'TASK_FINISHED', task_id: { value: 'i' } });
    });
    for (const value of [path, `file://${path}`, JSON.stringify(aTask)]) {
      const result = await execute(`--master=${master.address}`, `--task=${value}`, '--role=dev');
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      expect(result.stdout).toBe(
        "Subscribed with ID M-0000\nSubmitted task 'n' to agent 'M-S0'\nReceived status update TASK_FINISHED for task 'i'\n",
      );
      const accept = master.calls.findLast(({ type }) => type === 'ACCEPT');
      expect(accept?.accept?.operations?.[0]?.launch?.task_infos).toEqual([
        {
          ...aTask,
          agent_id: { value: 'M-S0' },
          resources: [
            {
              name: 'cpus',
              type: 'SCALAR',
              scalar: { value: 1 },
              reservations: [{ type: 'STATIC', role: 'dev' }],
            },
            { name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 } },
          ],
        },
      ]);
    }
  });

  it('sends --principal and --secret with every call', async () => {
    await using master = await ScriptedMaster.start(succeeding);
    expect(await execute(...task(master, '--principal=p', '--secret=s:1'))).toMatchObject({ exitCode: 0 });
    expect(new Set(master.authorizations)).toEqual(new Set([`Basic ${Buffer.from('p:s:1').toString('base64')}`]));
    expect(master.calls[0]?.subscribe?.framework_info.principal).toBe('p');
  });

  it('starts a timer of --kill_after at each TASK_RUNNING', async () => {
    await using master = await ScriptedMaster.start((call, it) => {
      const kills = it.callTypes.filter((type) => type === 'KILL').length;
      if (call.type === 'ACCEPT') {
        it.update({ state: 'TASK_RUNNING' });
        it.update({ state: 'TASK_RUNNING' });
      } else if (call.type !== 'KILL') running(call, it);
      else if (kills === 2) it.update({ state: 'TASK_KILLED' });
    });
    const result = await execute(...task(master, '--kill_after=10ms'));
    expect(result.stdout.match(/^Asked to kill task 'test' on agent 'M-S0'$/gm)).toHaveLength(2);
  });

  it('takes --volumes as path, as file URL and inline', async () => {
    await using master = await ScriptedMaster.start(succeeding);
    const path = join(directory, 'myvolume.json');
    for (const value of [path, `file://${path}`, './myvolume.json', JSON.stringify(VOLUMES)]) {
      await execute(...task(master, `--volumes=${value}`));
      const accept = master.calls.findLast(({ type }) => type === 'ACCEPT');
      expect(accept?.accept?.operations?.[0]?.launch?.task_infos?.[0]?.container).toEqual({
        type: 'MESOS',
        volumes: VOLUMES,
      });
    }
  });

  it('prints its usage on stdout when asked', async () => {
    const result = await execute('--help');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toContain('Usage: mesos-execute [options]');
    expect(result.stdout).toContain('--docker_image=VALUE');
  });

  it.each([
    ['--nope=1', "Failed to load unknown flag 'nope'"],
    ['--volumes=broken.json', "Failed to load value 'broken.json' for flag 'volumes': Expecting JSON: "],
    [
      '--volumes=none.json',
      "Failed to load value 'none.json' for flag 'volumes': Error reading file 'none.json': ENOENT",
    ],
  ])('exits with 1 and its usage on stderr for %s', async (flag, problem) => {
    const result = await execute('--master=127.0.0.1:5050', '--name=test', '--command=ls', flag);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain(problem);
    expect(result.stderr).toContain('Usage: mesos-execute [options]');
  });
});
