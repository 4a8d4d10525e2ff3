import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import { waitUntil } from '@drydock/base/wait-until';
import type { ContainerTermination, ForkedContainer } from '@drydock/containerizer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandExecutor, type ResumedTask } from './command-executor.ts';
import type { TaskReport } from './task-record.ts';

/** A container whose end the test decides. */
class ScriptedContainer implements ForkedContainer {
  readonly pid = 4242;
  readonly calls: string[] = [];
  readonly #exited = Promise.withResolvers<ContainerTermination>();
  readonly exited: Promise<ContainerTermination> = this.#exited.promise;

  end(termination: ContainerTermination): void {
    this.#exited.resolve(termination);
  }
  /** What happens while the gate opens. */
  onOpenGate: () => Promise<void> = async () => await Promise.resolve();
  /** Whether its command was started when an earlier agent died. */
  isStarted = true;
  async hasStarted(): Promise<boolean> {
    return await Promise.resolve(this.isStarted);
  }
  async openGate(): Promise<void> {
    this.calls.push('openGate');
    await this.onOpenGate();
  }
  async terminate(): Promise<void> {
    this.calls.push('terminate');
    await Promise.resolve();
  }
  async kill(): Promise<void> {
    this.calls.push('kill');
    this.end({ how: 'exited', exitCode: 137, signal: 'SIGKILL', waitStatus: 9, isOutOfMemory: false });
    await Promise.resolve();
  }
}

let directory = '';
let container: ScriptedContainer;
let reports: TaskReport[];
/** Kills that were noted, before which signal of the container. */
let noted: string[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'command-executor-'));
  container = new ScriptedContainer();
  reports = [];
  noted = [];
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function anExecutor(
  options: { hasTaskKillingState?: boolean; sandbox?: string; resumed?: ResumedTask } = {},
): CommandExecutor {
  return new CommandExecutor({
    task: { name: 'test', task_id: { value: 'test' }, agent_id: { value: 'S0' } },
    container,
    hostname: 'mesos002',
    stdoutPath: join(options.sandbox ?? directory, 'stdout'),
    logger: silentLogger,
    hasTaskKillingState: options.hasTaskKillingState ?? true,
    report: (report) => void reports.push(report),
    noteKill: async ({ deadlineMs }) => {
      noted.push(`${container.calls.length} calls, ${deadlineMs > 0}`);
      await Promise.resolve();
    },
    ...(options.resumed === undefined ? {} : { resumed: options.resumed }),
  });
}
const lines = async (): Promise<string[]> => (await readFile(join(directory, 'stdout'), 'utf8')).trimEnd().split('\n');
const exited = (exitCode: number): ContainerTermination => ({
  how: 'exited',
  exitCode,
  waitStatus: exitCode * 256,
  isOutOfMemory: false,
});

describe('CommandExecutor', () => {
  it("prints the document's lines, those before the output of the command before the gate opens", async () => {
    const executor = anExecutor();
    const running = executor.run();
    await waitUntil(() => container.calls.includes('openGate'), { what: 'the gate to open' });
    expect(await lines()).toEqual([
      'Received SUBSCRIBED event',
      'Subscribed executor on mesos002',
      'Received LAUNCH event',
      'Starting task test',
      'Forked command at 4242',
    ]);
    container.end(exited(0));
    await running;
    expect((await lines()).slice(5)).toEqual(['Command exited with status 0 (pid: 4242)']);
  });

  it.each<[string, ContainerTermination, TaskReport]>([
    ['exit 0', exited(0), { state: 'TASK_FINISHED', message: 'Command exited with status 0' }],
    ['exit 3', exited(3), { state: 'TASK_FAILED', message: 'Command exited with status 3' }],
    [
      'a memory limit',
      { how: 'exited', exitCode: 137, signal: 'SIGKILL', waitStatus: 9, isOutOfMemory: true },
      {
        state: 'TASK_FAILED',
        reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
        message: 'Memory limit exceeded: Command terminated with signal Killed',
      },
    ],
    [
      'a command that cannot be started',
      { how: 'launch-failed', message: 'no such mount source' },
      { state: 'TASK_FAILED', message: 'Failed to execute command: no such mount source' },
    ],
    ['a lost shim', { how: 'unknown', message: 'nobody knows' }, { state: 'TASK_FAILED', message: 'nobody knows' }],
  ])('reports %s', async (_, termination, report) => {
    container.end(termination);
    await anExecutor().run();
    expect(reports.map(({ state }) => state)).toEqual(['TASK_STARTING', 'TASK_RUNNING', report.state]);
    expect(reports.at(-1)).toEqual(report);
  });

  it('asks a killed task to end and says TASK_KILLED even when it exits with 0', async () => {
    const executor = anExecutor();
    const running = executor.run();
    await waitUntil(() => container.calls.includes('openGate'), { what: 'the gate to open' });
    await executor.kill({ nanoseconds: 60e9 });
    expect(container.calls).toEqual(['openGate', 'terminate']);
    container.end(exited(0));
    await running;
    expect(reports.map(({ state }) => state)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED']);
    expect((await lines()).slice(5)).toEqual([
      'Received KILL event',
      'Received kill for task test with grace period of 1mins',
      'Sending SIGTERM to process tree at pid 4242',
      'Scheduling escalation to SIGKILL in 1mins from now',
      'Command exited with status 0 (pid: 4242)',
    ]);
  });

  it('kills a task that does not end within its grace period, which a second kill can shorten', async () => {
    const executor = anExecutor({ hasTaskKillingState: false });
    const running = executor.run();
    await waitUntil(() => container.calls.includes('openGate'), { what: 'the gate to open' });
    await executor.kill({ nanoseconds: 3600e9 });
    await executor.kill({ nanoseconds: 1e6 });
    await running;
    expect(container.calls).toEqual(['openGate', 'terminate', 'kill']);
    expect(reports.at(-1)).toEqual({ state: 'TASK_KILLED', message: 'Command terminated with signal Killed' });
  });

  it('does not write through a link that the task put in place of its stdout', async () => {
    const victim = join(directory, 'victim');
    await writeFile(victim, 'precious');
    const running = anExecutor().run();
    await waitUntil(() => container.calls.includes('openGate'), { what: 'the gate to open' });
    await rm(join(directory, 'stdout'));
    await symlink(victim, join(directory, 'stdout'));
    container.end(exited(0));
    await running;
    expect(await readFile(victim, 'utf8')).toBe('precious');
  });

  it('kills a task that has removed its sandbox', async () => {
    const sandbox = await mkdtemp(join(directory, 'sandbox-'));
    const executor = anExecutor({ hasTaskKillingState: false, sandbox });
    const running = executor.run();
    await waitUntil(() => container.calls.includes('openGate'), { what: 'the gate to open' });
    await rm(sandbox, { recursive: true });
    await executor.kill({ nanoseconds: 1e6 });
    await running;
    expect(container.calls).toEqual(['openGate', 'terminate', 'kill']);
    expect(reports.at(-1)?.state).toBe('TASK_KILLED');
  });

  it('does not cut a grace period short that is longer than a timer can wait', async () => {
    const executor = anExecutor();
    const running = executor.run();
    await waitUntil(() => container.calls.includes('openGate'), { what: 'the gate to open' });
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', onWarning);
    await executor.kill({ nanoseconds: 30 * 86_400e9 });
    container.end(exited(0));
    await running;
    process.off('warning', onWarning);
    expect(warnings).not.toContain('TimeoutOverflowWarning');
    expect(container.calls).toEqual(['openGate', 'terminate']);
  });

  it('does not say TASK_RUNNING after TASK_KILLING', async () => {
    const executor = anExecutor();
    container.onOpenGate = async () => await executor.kill(undefined);
    container.end(exited(0));
    await executor.run();
    expect(reports.map(({ state }) => state)).toEqual(['TASK_STARTING', 'TASK_KILLING', 'TASK_KILLED']);
  });
});

describe('CommandExecutor of a container that an earlier agent has launched', () => {
  const exitedBySignal: ContainerTermination = {
    how: 'exited',
    exitCode: 143,
    signal: 'SIGTERM',
    waitStatus: 15,
    isOutOfMemory: false,
  };

  it('goes on with a task that runs: tells its end only', async () => {
    const running = anExecutor({ resumed: { state: 'TASK_RUNNING' } }).run();
    container.end(exited(0));
    await running;
    expect(reports.map(({ state }) => state)).toEqual(['TASK_FINISHED']);
    expect(container.calls).toEqual([]);
    expect(await lines()).toEqual([
      'Received SUBSCRIBED event',
      'Subscribed executor on mesos002',
      'Command exited with status 0 (pid: 4242)',
    ]);
  });

  it.each([
    ['TASK_STAGING', ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']],
    ['TASK_STARTING', ['TASK_RUNNING', 'TASK_FINISHED']],
  ] as const)('tells what was not told yet of one that was %s', async (state, expected) => {
    const running = anExecutor({ resumed: { state } }).run();
    container.end(exited(0));
    await running;
    expect(reports.map((report) => report.state)).toEqual(expected);
  });

  it('does not say that a task runs whose command was never started', async () => {
    container.isStarted = false;
    const running = anExecutor({ resumed: { state: 'TASK_STARTING' } }).run();
    container.end({ how: 'launch-failed', message: 'the gate was closed' });
    await running;
    expect(reports).toEqual([{ state: 'TASK_FAILED', message: 'Failed to execute command: the gate was closed' }]);
  });

  it('kills what was to be killed, and says so', async () => {
    const kill = { deadlineMs: Date.now() + 60_000 };
    const running = anExecutor({ resumed: { state: 'TASK_RUNNING', kill } }).run();
    await waitUntil(() => container.calls.includes('terminate'), { what: 'SIGTERM' });
    container.end(exitedBySignal);
    await running;
    expect(reports.map(({ state }) => state)).toEqual(['TASK_KILLING', 'TASK_KILLED']);
  });

  it('sends SIGKILL at once when the grace period is over', async () => {
    const running = anExecutor({ resumed: { state: 'TASK_KILLING', kill: { deadlineMs: Date.now() - 1 } } }).run();
    await running;
    expect(container.calls).toEqual(['terminate', 'kill']);
    expect(reports.map(({ state }) => state)).toEqual(['TASK_KILLED']);
  });

  it('has a kill written down before the first signal', async () => {
    const executor = anExecutor();
    const running = executor.run();
    await waitUntil(() => container.calls.includes('openGate'), { what: 'the gate' });
    await executor.kill({ nanoseconds: 60e9 });
    expect(noted).toEqual(['1 calls, true']);
    container.end(exitedBySignal);
    await running;
  });
});
