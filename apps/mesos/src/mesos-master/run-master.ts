import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@drydock/base/atomic-file';
import { lockFile } from '@drydock/base/file-lock';
import type { FlagValues } from '@drydock/base/gflags';
import type { Logger } from '@drydock/base/log';
import { Master, masterRoutes } from '@drydock/master';
import { VirtualFiles, formatAddress, startHttpService } from '@drydock/mesos';
import { advertisedAddress } from '../advertised-address.ts';
import { buildInfo } from '../build-info.ts';
import { attachLog } from '../log-file.ts';
import type { masterFlags } from './flags.ts';

export interface RunMasterOptions {
  readonly flags: FlagValues<typeof masterFlags>;
  /** As `/flags` shows them. */
  readonly flagTexts: Readonly<Record<string, string>>;
  readonly version: string;
  readonly logger: Logger;
  /** Aborts to stop. */
  readonly signal: AbortSignal;
}

/** Runs the master until `signal` aborts. Rejects when it cannot start. */
export async function runMaster(options: RunMasterOptions): Promise<void> {
  const { flags, logger, version, signal } = options;
  await mkdir(flags.work_dir, { recursive: true });
  await using _lock = await lockFile(join(flags.work_dir, 'master.lock'));
  const addressFile = join(flags.work_dir, 'master.address');
  // A master that was killed leaves it behind.
  await rm(addressFile, { force: true });
  const started: { master?: Master } = {};
  const files = new VirtualFiles();
  attachLog(files, '/master/log', flags, 'mesos-master');
  const facts = { flags: options.flagTexts, startTime: Date.now() / 1000, build: await buildInfo() };
  await using service = await startHttpService({
    ip: flags.ip,
    port: flags.port,
    prefix: 'master',
    routes: masterRoutes(() => started.master, facts, files),
    logger: logger.child('http'),
  });
  const address = advertisedAddress({ ip: service.ip, port: service.port }, flags);
  using master = new Master({
    hostname: flags.hostname ?? address.ip,
    ...address,
    version,
    allocationIntervalMs: flags.allocation_interval,
    completedFrameworkCountMax: flags.max_completed_frameworks,
    completedTaskCountMax: flags.max_completed_tasks_per_framework,
    unreachableTaskCountMax: flags.max_unreachable_tasks_per_framework,
    agentPingTimeoutMs: flags.agent_ping_timeout,
    agentPingTimeoutCountMax: flags.max_agent_ping_timeouts,
    agentReregisterTimeoutMs: flags.agent_reregister_timeout,
    isRootAllowed: flags.root_submissions,
    ...(flags.offer_timeout === undefined ? {} : { offerTimeoutMs: flags.offer_timeout }),
    ...(flags.roles === undefined ? {} : { roles: flags.roles.split(',').filter((role) => role !== '') }),
    logger: logger.child('master'),
  });
  started.master = master;
  await writeFileAtomic(addressFile, `${formatAddress(address)}\n`);
  logger.info('Master listens', { address: formatAddress(address), id: master.id });
  const stopped = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => stopped.resolve(), { once: true });
  if (signal.aborted) stopped.resolve();
  await stopped.promise;
  await rm(addressFile, { force: true });
}
