/** Defaults that users know by heart, beside the tables that could change them. @see docs/configuration of Mesos */
import { describe, expect, it } from 'vitest';
import type { FlagTable } from '@drydock/base/gflags';
import { agentFlags } from './mesos-agent/flags.ts';
import { masterFlags } from './mesos-master/flags.ts';

const MASTER: Readonly<Record<string, string | undefined>> = {
  port: '5050',
  cluster: undefined,
  roles: undefined,
  allocation_interval: '1secs',
  offer_timeout: undefined,
  agent_ping_timeout: '15secs',
  max_agent_ping_timeouts: '5',
  agent_reregister_timeout: '10mins',
  root_submissions: 'true',
  max_completed_frameworks: '50',
  max_completed_tasks_per_framework: '1000',
  max_unreachable_tasks_per_framework: '1000',
};

const AGENT: Readonly<Record<string, string | undefined>> = {
  port: '5051',
  attributes: undefined,
  resources: undefined,
  isolation: 'posix/cpu,posix/mem',
  containerizers: 'mesos',
  image_providers: undefined,
  image_provisioner_backend: undefined,
  runtime_dir: '/var/run/mesos',
  docker_registry: 'https://registry-1.docker.io',
  docker_config: undefined,
  fetcher_stall_timeout: '1mins',
  docker_store_dir: '/tmp/mesos/store/docker',
  docker_volume_checkpoint_dir: '/var/run/mesos/isolators/docker/volume',
  docker_volume_chown: 'false',
  sandbox_directory: '/mnt/mesos/sandbox',
  executor_environment_variables: undefined,
  switch_user: 'true',
  executor_shutdown_grace_period: '5secs',
  max_completed_executors_per_framework: '150',
  cgroups_root: 'mesos',
};

describe.each<[string, FlagTable, typeof MASTER]>([
  ['mesos-master', masterFlags, MASTER],
  ['mesos-agent', agentFlags, AGENT],
])("%s has upstream's default of", (_, table, defaults) => {
  it.each(Object.entries(defaults))('--%s: %s', (name, value) => {
    expect(table).toHaveProperty([name]);
    expect(table[name]?.default).toBe(value);
  });
});
