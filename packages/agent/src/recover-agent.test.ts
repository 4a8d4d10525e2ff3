import { mkdtemp, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import type { KnownContainer } from '@drydock/containerizer';
import type { ExecutorInfo, TaskInfo } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentCheckpoints, type PlacedTask } from './checkpoint/agent-checkpoints.ts';
import { bootIdPath } from './checkpoint/meta-paths.ts';
import { sandboxPath, type RunIds } from './directories.ts';
import { recoverAgent, RecoveryFailedError, type RecoverAgentOptions } from './recover-agent.ts';

const ids: RunIds = { agentId: 'S0', frameworkId: 'F', executorId: 'e', containerId: 'c1' };
const aTask = (id: string): TaskInfo => ({
  name: id,
  task_id: { value: id },
  agent_id: { value: 'S0' },
  container: { type: 'MESOS', volumes: [{ container_path: id, mode: 'RW' }] },
});
const group: ExecutorInfo = { type: 'DEFAULT', executor_id: { value: 'e' }, container: { type: 'MESOS' } };

let workDir = '';
let checkpoints: AgentCheckpoints;
/** What the containerizer was told to keep. */
let known: readonly KnownContainer[] | undefined;
beforeEach(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'recover-'));
  checkpoints = new AgentCheckpoints(workDir);
  known = undefined;
});
afterEach(async () => {
  await rm(workDir, { recursive: true });
});

const recover = async (options: Partial<RecoverAgentOptions> = {}): ReturnType<typeof recoverAgent> =>
  await recoverAgent({
    workDir,
    bootId: 'boot-1',
    info: { hostname: 'h' },
    isStrict: true,
    mode: 'reconnect',
    timeoutMs: 60_000,
    containerizer: {
      recover: async (given) => {
        known = given;
        return await Promise.resolve([]);
      },
    },
    logger: silentLogger,
    ...options,
  });

async function writeRun(executor: ExecutorInfo, tasks: readonly PlacedTask[]): Promise<void> {
  await checkpoints.writeBootId('boot-1');
  await checkpoints.writeAgent('S0', { hostname: 'h', port: 5051 });
  await checkpoints.writeFramework('S0', { id: { value: 'F' }, user: 'root', name: 'f', checkpoint: true });
  await checkpoints.writeRun(ids, executor, tasks);
}

describe('recoverAgent', () => {
  it('has nothing kept where no agent was', async () => {
    expect(await recover()).toBeUndefined();
    expect(known).toEqual([]);
    expect(await readFile(bootIdPath(workDir), 'utf8')).toBe('boot-1\n');
  });

  it('has the container of a command kept, with the signals that it was sent', async () => {
    await writeRun({ executor_id: { value: 'e' } }, [{ info: aTask('e') }]);
    await checkpoints.writeKill(ids, 'e', { deadlineMs: Date.now() + 60_000 });
    expect(await recover()).toMatchObject({ state: { agent: { id: { value: 'S0' } } } });
    expect(known).toEqual([
      {
        containerId: { value: 'c1' },
        sandboxDirectory: sandboxPath(workDir, ids),
        sentSignals: ['SIGTERM'],
        container: aTask('e').container,
      },
    ]);
  });

  it('has the container of a group kept, and names the nested ones that were to be killed', async () => {
    await writeRun(group, [
      { info: aTask('a'), place: { containerId: 'n1', groupId: 'g' } },
      { info: aTask('b'), place: { containerId: 'n2', groupId: 'g' } },
    ]);
    await checkpoints.writeKill(ids, 'b', { deadlineMs: 0 });
    await recover();
    const sandboxDirectory = sandboxPath(workDir, ids);
    expect(known).toEqual([
      { containerId: { value: 'c1' }, sandboxDirectory, container: { type: 'MESOS' } },
      {
        containerId: { value: 'n2', parent: { value: 'c1' } },
        sandboxDirectory: join(sandboxDirectory, 'containers/n2'),
        sentSignals: ['SIGTERM', 'SIGKILL'],
        container: aTask('b').container,
      },
    ]);
  });

  it('has nothing kept of a run that is over, or when the agent was away for too long', async () => {
    await writeRun({ executor_id: { value: 'e' } }, [{ info: aTask('e') }]);
    await utimes(bootIdPath(workDir), 0, 0);
    expect((await recover())?.absence).toBe('There was no agent for longer than the recovery timeout of 1mins');
    expect(known).toEqual([]);
    await checkpoints.writeSentinel(ids);
    expect((await recover())?.absence).toBeUndefined();
    expect(known).toEqual([]);
  });

  it('has nothing kept for --recover=cleanup, and gives the id up', async () => {
    await writeRun({ executor_id: { value: 'e' } }, [{ info: aTask('e') }]);
    expect(await recover({ mode: 'cleanup' })).toBeUndefined();
    expect(known).toEqual([]);
    await recover();
    expect(known).toEqual([]);
  });

  it('does not touch anything when the agent has changed while something of it runs', async () => {
    await writeRun({ executor_id: { value: 'e' } }, [{ info: aTask('e') }]);
    await expect(recover({ info: { hostname: 'other' } })).rejects.toThrow(RecoveryFailedError);
    expect(known).toBeUndefined();
  });
});
