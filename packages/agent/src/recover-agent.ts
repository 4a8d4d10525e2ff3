/**
 * What an agent does before it registers: it takes over what an earlier one on its `--work_dir` has left.
 * @see src/slave/slave.cpp recover, __recover
 */
import { stat, utimes } from 'node:fs/promises';
import { DomainError, messageOf, systemCodeOf } from '@drydock/base/errors';
import { formatDurationMs } from '@drydock/base/gflags';
import type { Logger } from '@drydock/base/log';
import type { KnownContainer, MesosContainerizer } from '@drydock/containerizer';
import { agentInfoType, containerKey, toJson, type AgentInfo, type ExecutorInfo, type TaskInfo } from '@drydock/mesos';
import type { AgentOptions } from './agent-options.ts';
import { AgentCheckpoints, type KillRequest } from './checkpoint/agent-checkpoints.ts';
import { bootIdPath, latestMetaPath } from './checkpoint/meta-paths.ts';
import { readState, type RecoveredRun, type RecoveredState } from './checkpoint/read-state.ts';
import { sandboxPath } from './directories.ts';
import { executorKindOf } from './executor/recover-run.ts';
import { nestedSandboxPath } from './sandbox.ts';

/** The agent cannot go on where an earlier one was; the message says what to do. */
export class RecoveryFailedError extends DomainError<'RECOVERY_FAILED'> {
  readonly code = 'RECOVERY_FAILED';
}

export interface RecoverAgentOptions {
  readonly workDir: string;
  /** Of `/proc/sys/kernel/random/boot_id`. */
  readonly bootId: string;
  /** The agent as it is configured now. */
  readonly info: AgentInfo;
  /** `--strict`. */
  readonly isStrict: boolean;
  /** `--recover`: `cleanup` ends what runs, and then the agent. */
  readonly mode: 'reconnect' | 'cleanup';
  /** `--recovery_timeout`. */
  readonly timeoutMs: number;
  readonly containerizer: Pick<MesosContainerizer, 'recover'>;
  readonly logger: Logger;
}

/**
 * Ends containers that nobody knows and re-attaches to those of frameworks with `checkpoint`.
 * @returns what the `Agent` is to be made with; undefined when there is nothing to take over
 * @throws RecoveryFailedError, and what the containerizer throws
 */
export async function recoverAgent(options: RecoverAgentOptions): Promise<AgentOptions['recovered']> {
  const { workDir, bootId, mode, containerizer, logger } = options;
  const checkpoints = new AgentCheckpoints(workDir);
  const state = await compatibleState(options, checkpoints);
  const absence = state === undefined ? undefined : await tooLongAbsence(options);
  if (absence !== undefined) logger.warning('Ending the containers of an earlier agent', { reason: absence });
  const runs = state?.frameworks.flatMap((framework) => framework.runs).filter(({ isCompleted }) => !isCompleted) ?? [];
  const isTakingOver = mode === 'reconnect' && absence === undefined;
  const found = await containerizer.recover(isTakingOver ? runs.flatMap((run) => knownContainers(workDir, run)) : []);
  if (mode === 'cleanup' && state !== undefined) await checkpoints.forgetAgent(state.agent.id.value);
  await checkpoints.writeBootId(bootId);
  if (mode === 'cleanup' || state === undefined) return undefined;
  logger.info('Recovered the state of an earlier agent', {
    agentId: state.agent.id.value,
    hasRebooted: state.hasRebooted,
    runCount: runs.length,
    containerCount: found.length,
    errorCount: state.errorCount,
  });
  return {
    state,
    processes: new Map(found.map(({ containerId, process }) => [containerKey(containerId), process])),
    ...(absence === undefined ? {} : { absence }),
  };
}

/**
 * Tells the next agent how long there was none: the time of a file is that of the last sign of life.
 * DEVIATION: upstream's executors end by themselves when no agent comes back within `--recovery_timeout`; here the agent
 * that comes back later ends them.
 */
export function startSignsOfLife(workDir: string, timeoutMs: number, logger: Logger): Disposable {
  const path = bootIdPath(workDir);
  const touch = async (): Promise<void> => {
    const now = new Date();
    try {
      await utimes(path, now, now);
    } catch (error) {
      logger.warning('Failed to leave a sign of life', { path, error: messageOf(error) });
    }
  };
  const timer = setInterval(() => void touch(), Math.min(SIGN_OF_LIFE_MS, Math.max(1, timeoutMs / 4)));
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

const SIGN_OF_LIFE_MS = 30_000;

/** The state on disk if this agent may go on with it. */
async function compatibleState(
  options: RecoverAgentOptions,
  checkpoints: AgentCheckpoints,
): Promise<RecoveredState | undefined> {
  const { workDir, mode, info, logger } = options;
  let state: RecoveredState | undefined;
  try {
    state = await readState(options);
  } catch (error) {
    throw new RecoveryFailedError(`Failed to perform recovery: ${messageOf(error)}\n${hint(workDir)}`, {
      cause: error,
    });
  }
  if (state === undefined || mode === 'cleanup') return state;
  const [before, now] = [state.agent, info].map(comparable);
  if (before === now) return state;
  if (state.frameworks.some(({ runs }) => runs.some(({ isCompleted }) => !isCompleted))) {
    const problem = `Incompatible agent info detected.\nOld agent info:\n${before}\nNew agent info:\n${now}`;
    throw new RecoveryFailedError(`Failed to perform recovery: ${problem}\n${hint(workDir)}`);
  }
  // DEVIATION: upstream refuses that, too, although nothing is lost by a new id.
  logger.warning('The agent has changed and nothing of it runs: it registers as a new one', { before, now });
  await checkpoints.forgetAgent(state.agent.id.value);
  return undefined;
}

/** Without the id, which the master gives, and the port, which may be any. */
function comparable(info: AgentInfo): string {
  const { id: _id, port: _port, ...rest } = info;
  return JSON.stringify(toJson(agentInfoType, rest));
}

/** Why what ran must not be taken over any more. */
async function tooLongAbsence({ workDir, timeoutMs }: RecoverAgentOptions): Promise<string | undefined> {
  try {
    const { mtimeMs } = await stat(bootIdPath(workDir));
    const absenceMs = Date.now() - mtimeMs;
    if (absenceMs <= timeoutMs) return undefined;
    return `There was no agent for longer than the recovery timeout of ${formatDurationMs(timeoutMs)}`;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Of the executor, and those nested in it whose tasks were to be killed; the containerizer finds the others by itself. */
function knownContainers(workDir: string, run: RecoveredRun): readonly KnownContainer[] {
  const { ids, executor, tasks } = run;
  const containerId = { value: ids.containerId };
  const sandboxDirectory = sandboxPath(workDir, ids);
  if (executorKindOf(run) === 'command') {
    const [task] = tasks;
    const sentSignals = signalsOf(task?.kill);
    return [{ containerId, sandboxDirectory, sentSignals, ...containerOf(task?.info) }];
  }
  const nested = tasks.flatMap(({ info, kill, place }): readonly KnownContainer[] => {
    if (kill === undefined || place === undefined) return [];
    const nestedId = { value: place.containerId, parent: containerId };
    const sandbox = nestedSandboxPath(sandboxDirectory, place.containerId);
    return [{ containerId: nestedId, sandboxDirectory: sandbox, sentSignals: signalsOf(kill), ...containerOf(info) }];
  });
  return [{ containerId, sandboxDirectory, ...containerOf(executor) }, ...nested];
}

function containerOf(info: TaskInfo | ExecutorInfo | undefined): Pick<KnownContainer, 'container'> {
  return info?.container === undefined ? {} : { container: info.container };
}

function signalsOf(kill: KillRequest | undefined): readonly ('SIGTERM' | 'SIGKILL')[] {
  if (kill === undefined) return [];
  return Date.now() < kill.deadlineMs ? ['SIGTERM'] : ['SIGTERM', 'SIGKILL'];
}

/** @see src/slave/slave.cpp __recover */
function hint(workDir: string): string {
  return [
    'To restart this agent with a new agent id instead, do as follows:',
    `rm -f ${latestMetaPath(workDir)}`,
    'This ensures that the agent does not recover old live executors. Finally, restart the agent.',
  ].join('\n');
}
