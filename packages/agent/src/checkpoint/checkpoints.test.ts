import { mkdtemp, readFile, readlink, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import type { TaskInfo, TaskState, TaskStatus } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunIds } from '../directories.ts';
import { commandExecutorInfo } from '../executor/command-executor-info.ts';
import { AgentCheckpoints } from './agent-checkpoints.ts';
import { agentMetaPath, bootIdPath, latestMetaPath, runMetaPath, taskMetaPath } from './meta-paths.ts';
import { readState, RecoverStateError, type RecoveredState } from './read-state.ts';

const ids: RunIds = { agentId: 'S0', frameworkId: 'F', executorId: 't', containerId: 'c1' };
const task: TaskInfo = {
  name: 'one',
  task_id: { value: 't' },
  agent_id: { value: 'S0' },
  command: { value: 'sleep 1' },
  kill_policy: { grace_period: { nanoseconds: 1e9 } },
};
const framework = { id: { value: 'F' }, user: 'root', name: 'f', checkpoint: true };

let workDir = '';
let checkpoints: AgentCheckpoints;
beforeEach(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'meta-'));
  checkpoints = new AgentCheckpoints(workDir);
});
afterEach(async () => {
  await rm(workDir, { recursive: true });
});

const read = async (options: { isStrict?: boolean; bootId?: string } = {}): Promise<RecoveredState | undefined> =>
  await readState({ workDir, bootId: 'boot-1', isStrict: true, logger: silentLogger, ...options });

let uuidCount = 0;
function aStatus(state: TaskState): TaskStatus & { uuid: Buffer } {
  uuidCount += 1;
  return { task_id: { value: 't' }, state, uuid: Buffer.alloc(16, uuidCount), timestamp: 5 };
}

/** An agent with one run, whose updates the test adds. */
async function writeRun(): Promise<void> {
  await checkpoints.writeBootId('boot-1');
  await checkpoints.writeAgent('S0', { hostname: 'h', port: 5051 });
  await checkpoints.writeFramework('S0', framework);
  await checkpoints.writeRun(ids, commandExecutorInfo(framework.id, task), [{ info: task }]);
}
const updatesPath = (): string => join(taskMetaPath(workDir, ids, 't'), 'task.updates');

describe("an agent's checkpoints", () => {
  it('lie where those of upstream lie', async () => {
    await writeRun();
    await checkpoints.writeForkedPid(ids, 42);
    await checkpoints.appendUpdate(ids, aStatus('TASK_RUNNING'));
    await checkpoints.writeSentinel(ids);
    const meta = join(workDir, 'meta');
    const run = join(meta, 'slaves/S0/frameworks/F/executors/t/runs/c1');
    expect(await readFile(join(meta, 'boot_id'), 'utf8')).toBe('boot-1\n');
    expect(await readlink(join(meta, 'slaves/latest'))).toBe('S0');
    expect(await readlink(join(run, '../latest'))).toBe('c1');
    expect(await readFile(join(run, 'pids/forked.pid'), 'utf8')).toBe('42');
    const others = [
      join(meta, 'slaves/S0/slave.info'),
      join(meta, 'slaves/S0/frameworks/F/framework.info'),
      join(meta, 'slaves/S0/frameworks/F/framework.pid'),
      join(meta, 'slaves/S0/frameworks/F/executors/t/executor.info'),
      join(run, 'executor.sentinel'),
      join(run, 'pids/http.marker'),
      join(run, 'tasks/t/task.info'),
      join(run, 'tasks/t/task.updates'),
    ];
    for (const path of others) expect((await stat(path)).isFile(), path).toBe(true);
  });

  it('begin with the length of the message, four bytes', async () => {
    await writeRun();
    const bytes = await readFile(join(agentMetaPath(workDir, 'S0'), 'slave.info'));
    expect(bytes.readUInt32LE(0)).toBe(bytes.length - 4);
  });

  it('give back what was written', async () => {
    await writeRun();
    const [starting, running] = [aStatus('TASK_STARTING'), aStatus('TASK_RUNNING')];
    await checkpoints.appendUpdate(ids, starting);
    await checkpoints.appendAcknowledgement(ids, 't', starting.uuid);
    await checkpoints.appendUpdate(ids, running);
    await checkpoints.writeKill(ids, 't', { deadlineMs: 12_345 });
    const state = await read();
    expect(state).toMatchObject({ agent: { id: { value: 'S0' }, hostname: 'h' }, hasRebooted: false, errorCount: 0 });
    const run = state?.frameworks[0]?.runs[0];
    expect(state?.frameworks[0]?.info).toEqual(framework);
    expect(run).toMatchObject({ ids, isCompleted: false, tasks: [{ info: task, kill: { deadlineMs: 12_345 } }] });
    expect(run?.tasks[0]?.statuses).toEqual([starting, running]);
    expect(run?.tasks[0]?.pending).toEqual([running]);
  });

  it('say whether a run is over, and whether the machine was restarted', async () => {
    await writeRun();
    await checkpoints.writeSentinel(ids);
    const state = await read({ bootId: 'boot-2' });
    expect(state).toMatchObject({ hasRebooted: true, frameworks: [{ runs: [{ isCompleted: true }] }] });
  });

  it('are nothing where no agent was, or where it said goodbye', async () => {
    expect(await read()).toBeUndefined();
    await writeRun();
    await checkpoints.forgetAgent('S0');
    expect(await read()).toBeUndefined();
  });

  it.each([
    ['a run', async () => await checkpoints.forgetRun(ids, true)],
    ['a framework', async () => await checkpoints.forgetFramework(ids)],
  ])('forget %s', async (_, forget) => {
    await writeRun();
    await forget();
    expect((await read())?.frameworks.flatMap(({ runs }) => runs)).toEqual([]);
  });

  it('lose an update that was not written to its end, and go on behind the last whole one', async () => {
    await writeRun();
    const [starting, running, failed] = [aStatus('TASK_STARTING'), aStatus('TASK_RUNNING'), aStatus('TASK_FAILED')];
    await checkpoints.appendUpdate(ids, starting);
    const { size } = await stat(updatesPath());
    await checkpoints.appendUpdate(ids, running);
    await truncate(updatesPath(), size + 7);
    expect((await read())?.frameworks[0]?.runs[0]?.tasks[0]?.statuses).toEqual([starting]);
    await checkpoints.appendUpdate(ids, failed);
    expect((await read())?.frameworks[0]?.runs[0]?.tasks[0]?.statuses).toEqual([starting, failed]);
  });

  it('leave out what an agent had not written to its end when it died', async () => {
    await writeRun();
    await writeFile(join(taskMetaPath(workDir, ids, 't'), 'task.info'), '');
    expect(await read()).toMatchObject({ errorCount: 0, frameworks: [{ runs: [] }] });
    await rm(join(agentMetaPath(workDir, 'S0'), 'slave.info'));
    expect(await read()).toBeUndefined();
  });

  it.each([
    ['slave.info', (): string => agentMetaPath(workDir, 'S0')],
    ['framework.info', (): string => join(agentMetaPath(workDir, 'S0'), 'frameworks/F')],
    ['executor.info', (): string => join(runMetaPath(workDir, ids), '../..')],
    ['tasks/t/task.info', (): string => runMetaPath(workDir, ids)],
    ['tasks/t/task.kill', (): string => runMetaPath(workDir, ids)],
  ])('with a %s that cannot be read are refused, or left out without --strict', async (name, directory) => {
    await writeRun();
    await writeFile(join(directory(), name), Buffer.from([3, 0, 0, 0, 255, 255, 255]));
    await expect(read()).rejects.toThrow(RecoverStateError);
    const state = await read({ isStrict: false });
    expect(state?.frameworks.flatMap(({ runs }) => runs) ?? []).toEqual([]);
    expect(state?.errorCount).toBe(name === 'slave.info' ? undefined : 1);
  });

  it('with an acknowledgement of nothing are refused', async () => {
    await writeRun();
    await checkpoints.appendAcknowledgement(ids, 't', Buffer.alloc(16, 9));
    await expect(read()).rejects.toThrow('an acknowledgement is of no update before it');
  });

  it('are refused when the link to the latest agent is a directory', async () => {
    await writeRun();
    await rm(latestMetaPath(workDir));
    await writeFile(latestMetaPath(workDir), '');
    await expect(read()).rejects.toThrow(`Failed to read the link '${latestMetaPath(workDir)}'`);
    expect((await stat(bootIdPath(workDir))).isFile()).toBe(true);
  });
});
