/** Carries the decisions out: events from the master, the record to disk, calls to the master. Start reading here. */
import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { DomainError, messageOf } from '@drydock/base/errors';
import {
  SubscriptionRefusedError,
  createSchedulerLink,
  type FrameworkInfo,
  type SchedulerCall,
  type SchedulerLink,
} from '@drydock/mesos';
import type { Flags } from './flags.ts';
import { decide, initialState } from './framework.ts';
import type { Log } from './log.ts';
import { StateFile, type FrameworkRecord } from './state-file.ts';

/** The master wants this instance no more; the message says why and what to do. */
export class FrameworkEndedError extends DomainError<'FRAMEWORK_ENDED'> {
  readonly code = 'FRAMEWORK_ENDED';
}

/** The tasks may still run. */
export class TeardownFailedError extends DomainError<'TEARDOWN_FAILED'> {
  readonly code = 'TEARDOWN_FAILED';
}

export interface RunOptions {
  /** Ends the framework politely. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * Runs until `signal` aborts.
 * @throws FrameworkEndedError, TeardownFailedError, StateFileError, PeerRefusedError
 */
export async function runFramework(flags: Flags, { signal, log }: RunOptions): Promise<void> {
  const file = new StateFile(flags.stateDir);
  let state = initialState(await file.read());
  await using link = createSchedulerLink({
    masters: flags.masters,
    frameworkInfo: frameworkInfo(flags, state.record),
    contentType: flags.contentType,
    onDisconnected: ({ message }, pauseMs) => {
      log({ message: 'Disconnected', fields: { reason: message, nextAttemptMs: Math.round(pauseMs) } });
    },
  });
  try {
    for await (const event of link.events({ signal })) {
      const random = (): string => randomBytes(4).toString('hex');
      const step = decide(state, event, { nowMs: Date.now(), random, flags });
      if (step.state.record !== state.record) await file.write(step.state.record);
      state = step.state;
      for (const news of step.news) log(news);
      await sendAll(link, step.calls, log);
    }
  } catch (error) {
    if (error instanceof SubscriptionRefusedError) throw explain(error, state.record, file);
    throw error;
  }
  if (flags.isTornDown) await tearDown(link, file);
  log({ message: flags.isTornDown ? 'Torn down' : 'Ended, the tasks go on' });
}

function frameworkInfo(flags: Flags, { frameworkId }: FrameworkRecord): FrameworkInfo {
  return {
    user: userInfo().username,
    name: 'example-framework',
    ...(frameworkId === undefined ? {} : { id: { value: frameworkId } }),
    failover_timeout: flags.failoverTimeoutSeconds,
    // Tasks survive a restart of their agent.
    checkpoint: true,
    roles: [flags.role],
    // MULTI_ROLE: `roles` counts. PARTITION_AWARE: a task is TASK_UNREACHABLE before it is lost, and may come back.
    capabilities: [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }],
  };
}

/** A call that fails is no reason to end: what matters is asked for again after the next SUBSCRIBED or HEARTBEAT. */
async function sendAll(link: SchedulerLink, calls: readonly SchedulerCall[], log: Log): Promise<void> {
  for (const call of calls) {
    try {
      await link.send(call);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      log({ message: 'A call failed', fields: { call: call.type, reason: error.message } });
      return;
    }
  }
}

async function tearDown(link: SchedulerLink, file: StateFile): Promise<void> {
  if (link.frameworkId === undefined) return; // No master knows of it.
  try {
    await link.send({ type: 'TEARDOWN' });
  } catch (error) {
    const id = link.frameworkId.value;
    const advice = 'Start the framework again and end it with --teardown while a master is there';
    throw new TeardownFailedError(`Failed to tear down framework ${id}: ${messageOf(error)}. ${advice}`, {
      cause: error,
    });
  }
  await file.remove();
}

function explain({ message, reason }: SubscriptionRefusedError, record: FrameworkRecord, file: StateFile): Error {
  const { frameworkId } = record;
  if (reason === 'Framework failed over') {
    return new FrameworkEndedError(
      `Framework failed over: another instance has subscribed with framework id ${frameworkId}, and goes on with its tasks`,
    );
  }
  if (frameworkId === undefined) return new FrameworkEndedError(message);
  return new FrameworkEndedError(
    `${message} (framework id ${frameworkId}). To start as a new framework, remove ${file.path}`,
  );
}
