import { mkdir, rm } from 'node:fs/promises';
import { hostname as machineName } from 'node:os';
import { dirname, join } from 'node:path';
import { Agent, agentResources, agentRoutes, recoverAgent, startSignsOfLife } from '@drydock/agent';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { readBootId } from '@drydock/base/boot-id';
import { DomainError } from '@drydock/base/errors';
import { lockFile } from '@drydock/base/file-lock';
import type { FlagValues } from '@drydock/base/gflags';
import type { Logger } from '@drydock/base/log';
import type { DockerVolumeIsolator } from '@drydock/isolator';
import { VirtualFiles, formatAddress, parseAttributes, startHttpService } from '@drydock/mesos';
import { advertisedAddress } from '../advertised-address.ts';
import { buildInfo } from '../build-info.ts';
import { attachLog } from '../log-file.ts';
import { AgentEnding } from './agent-ending.ts';
import { createContainerizer, leaveContainersUnless } from './create-containerizer.ts';
import type { agentFlags } from './flags.ts';

/** A flag's value is well-formed but cannot be used. */
export class AgentFlagError extends DomainError<'AGENT_FLAG'> {
  readonly code = 'AGENT_FLAG';
}

export interface RunAgentOptions {
  readonly flags: FlagValues<typeof agentFlags>;
  /** As `/flags` shows them. */
  readonly flagTexts: Readonly<Record<string, string>>;
  /** Where dvdcli is looked up. */
  readonly path: string;
  readonly version: string;
  readonly logger: Logger;
  /** Aborts to drain. */
  readonly signal: AbortSignal;
}

type ExecutorOptions = Pick<
  Agent['options'],
  | 'isSwitchingUser'
  | 'hasDockerVolumes'
  | 'executorShutdownGraceMs'
  | 'executorRegistrationTimeoutMs'
  | 'executorReregistrationTimeoutMs'
  | 'recoveryTimeoutMs'
  | 'completedExecutorCountMax'
>;

/**
 * Runs the agent until `signal` aborts, or the master refuses it or shuts it down. With SIGINT, with SIGUSR1 and when the
 * master wants it, all that it runs ends with it; otherwise what frameworks with `checkpoint` run goes on, for the next agent.
 * Rejects when it cannot start.
 * @see docs/agent-api.md
 */
export async function runAgent(options: RunAgentOptions): Promise<void> {
  const { flags, logger, version } = options;
  const executorEnvironmentVariables = parseExecutorEnvironment(flags.executor_environment_variables);
  const attributes = parseAttributes(flags.attributes ?? '');
  for (const directory of [flags.work_dir, flags.runtime_dir, dirname(flags.docker_volume_checkpoint_dir)]) {
    await mkdir(directory, { recursive: true });
  }
  // DEVIATION: upstream does not notice a second agent on one work_dir.
  await using _lock = await lockFile(join(flags.work_dir, 'agent.lock'));
  // What is recovered is taken from whoever left it, who must not be another agent that runs.
  await using _runtimeLock = await lockFile(join(flags.runtime_dir, 'agent.lock'));
  await using _checkpointLock = await lockFile(`${flags.docker_volume_checkpoint_dir}.lock`);
  const addressFile = join(flags.work_dir, 'agent.address');
  // An agent that was killed leaves it behind.
  await rm(addressFile, { force: true });
  // Made only when --isolation asks for it.
  const made: { volumes?: DockerVolumeIsolator } = {};
  await using containerizer = await createContainerizer(options, made);
  let isUp = false;
  await using _leaving = leaveContainersUnless(() => isUp, containerizer);
  const hostname = flags.hostname ?? machineName();
  const resources = await agentResources(flags.resources, flags.work_dir);
  const recovered = await recoverAgent({
    workDir: flags.work_dir,
    bootId: await readBootId(),
    info: { hostname, resources: [...resources], attributes: [...attributes] },
    isStrict: flags.strict,
    mode: flags.recover === 'cleanup' ? 'cleanup' : 'reconnect',
    timeoutMs: flags.recovery_timeout,
    containerizer,
    logger: logger.child('recovery'),
  });
  if (flags.recover === 'cleanup') return;
  using _signs = startSignsOfLife(flags.work_dir, flags.recovery_timeout, logger);
  const files = new VirtualFiles();
  attachLog(files, '/slave/log', flags, 'mesos-agent');
  const facts = { flags: options.flagTexts, startTime: Date.now() / 1000, build: await buildInfo() };
  // The service listens before the agent registers, and no request can come before this tick is over.
  const started: { agent?: Agent } = {};
  const agentNow = (): Agent => {
    if (started.agent === undefined) throw new AgentFlagError('The agent is still starting');
    return started.agent;
  };
  await using service = await startHttpService({
    ip: flags.ip,
    port: flags.port,
    prefix: 'slave(1)',
    routes: agentRoutes(agentNow, files, facts, () => made.volumes?.status),
    logger: logger.child('http'),
  });
  const address = advertisedAddress({ ip: service.ip, port: service.port }, flags);
  const ending = new AgentEnding(options.signal);
  const agent = new Agent({
    master: flags.master,
    workDir: flags.work_dir,
    hostname,
    ...address,
    version,
    resources,
    attributes,
    ...executorOptions(flags),
    executorEnvironmentVariables,
    containerizer,
    files,
    logger: logger.child('agent'),
    ...(recovered === undefined ? {} : { recovered }),
    onRefused: ending.refuse,
    onShutdown: ending.shutdown,
  });
  started.agent = agent;
  await writeFileAtomic(addressFile, `${formatAddress(address)}\n`);
  isUp = true;
  logger.info('Agent listens', { address: formatAddress(address) });
  const { isForAll, problem } = await ending.reason;
  if (isForAll) await agent.drain();
  else await agent.stop();
  if (agent.activeRuns.length > 0) await containerizer.detach();
  await rm(addressFile, { force: true });
  if (problem !== undefined) throw new AgentFlagError(problem);
}

/** What the flags say of executors. */
function executorOptions(flags: RunAgentOptions['flags']): ExecutorOptions {
  return {
    isSwitchingUser: flags.switch_user,
    hasDockerVolumes: flags.isolation.split(',').some((name) => name.trim() === 'docker/volume'),
    executorShutdownGraceMs: flags.executor_shutdown_grace_period,
    executorRegistrationTimeoutMs: flags.executor_registration_timeout,
    executorReregistrationTimeoutMs: flags.executor_reregistration_timeout,
    recoveryTimeoutMs: flags.recovery_timeout,
    completedExecutorCountMax: flags.max_completed_executors_per_framework,
  };
}

/** @throws AgentFlagError with upstream's text */
function parseExecutorEnvironment(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AgentFlagError("'executor_environment_variables' must be a JSON object");
  }
  const entries = Object.entries(value);
  const isText = (entry: [string, unknown]): entry is [string, string] => typeof entry[1] === 'string';
  if (!entries.every(isText))
    throw new AgentFlagError("'executor_environment_variables' must only contain string values");
  return Object.fromEntries(entries);
}
