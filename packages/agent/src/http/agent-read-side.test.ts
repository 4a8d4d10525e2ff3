import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import { waitUntil } from '@drydock/base/wait-until';
import type { ContainerTermination } from '@drydock/containerizer';
import {
  VirtualFiles,
  acceptedContentType,
  acceptedReply,
  agentApiCallType,
  agentApiEventType,
  encode,
  parseResources,
  readCall,
  startHttpService,
  streamReply,
  type AgentApiEvent,
  type HttpRoute,
  type RecordStream,
} from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent } from '../agent.ts';
import { agentRoutes } from './agent-routes.ts';

const CGROUPS_ROOT = `drydock-test-read-side-${process.pid}`;
const TASK = {
  name: 'one',
  task_id: { value: 't' },
  agent_id: { value: 'S0' },
  command: { value: 'sleep 1000000000' },
  resources: [...parseResources('cpus:0.5;mem:32')],
};

/** A master that tells its agent to run TASK, and acknowledges every update at once. */
const masterRoute = (): HttpRoute => {
  let events: RecordStream | undefined;
  const send = (event: AgentApiEvent): void =>
    void events?.send(encode(agentApiEventType, event, 'application/x-protobuf'));
  return {
    method: 'POST',
    path: '/api/v1/agent-link',
    handle: (request) => {
      const call = readCall(request, agentApiCallType);
      const status = call.update_status?.status;
      if (status !== undefined) {
        const acknowledged = {
          framework_id: { value: 'F' },
          task_id: status.task_id,
          uuid: status.uuid ?? Buffer.alloc(0),
        };
        send({ type: 'STATUS_ACKNOWLEDGED', status_acknowledged: acknowledged });
      }
      if (call.type !== 'REGISTER') return acceptedReply();
      const registered = {
        agent_id: { value: 'S0' },
        master_info: { id: 'M', ip: 0, port: 5050 },
        heartbeat_interval_seconds: 15,
      };
      const frameworkInfo = { user: 'root', name: 'f', id: { value: 'F' } };
      return streamReply({
        contentType: acceptedContentType(request),
        open: (stream) => {
          events = stream;
          send({ type: 'REGISTERED', registered });
          send({ type: 'RUN_TASK', run_task: { framework_info: frameworkInfo, task: TASK } });
        },
      });
    },
  };
};

let stack: AsyncDisposableStack;
let agent: Agent;
let address: string;
let endContainer: () => void;
let finishCleanUp: () => void;

/** An agent whose task `t` runs in a container without control groups. */
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const workDir = await mkdtemp(join(tmpdir(), 'agent-'));
  stack.defer(async () => await rm(workDir, { recursive: true }));
  const master = stack.use(await startHttpService({ port: 0, prefix: 'master', routes: [masterRoute()] }));
  const files = new VirtualFiles();
  const routes = agentRoutes(() => agent, files, { flags: { cgroups_root: CGROUPS_ROOT }, startTime: 1 });
  const service = stack.use(await startHttpService({ port: 0, prefix: 'slave(1)', routes }));
  address = `http://${service.ip}:${service.port}`;
  const exited = Promise.withResolvers<ContainerTermination>();
  const cleanedUp = Promise.withResolvers<void>();
  endContainer = () => exited.resolve({ how: 'exited', exitCode: 0, waitStatus: 0, isOutOfMemory: false });
  finishCleanUp = () => cleanedUp.resolve();
  const nothing = async (): Promise<void> => await Promise.resolve();
  agent = new Agent({
    master: `127.0.0.1:${master.port}`,
    workDir,
    hostname: 'h',
    ip: service.ip,
    port: service.port,
    version: '1.12.0',
    resources: parseResources('cpus:2;mem:128;ports:[31000-31001]'),
    attributes: [],
    isSwitchingUser: false,
    hasDockerVolumes: true,
    executorEnvironmentVariables: {},
    executorShutdownGraceMs: 60_000,
    completedExecutorCountMax: 1,
    containerizer: {
      launch: async () =>
        await Promise.resolve({
          pid: 4242,
          exited: exited.promise,
          openGate: nothing,
          terminate: nothing,
          kill: nothing,
        }),
      destroy: async () => await cleanedUp.promise,
    },
    files,
    logger: silentLogger,
    onRefused: () => undefined,
  });
  stack.defer(async () => {
    endContainer();
    finishCleanUp();
    await agent.drain();
  });
  await waitUntil(() => agent.activeRuns.some(({ state }) => state === 'TASK_RUNNING'), { what: 'the task to run' });
});
afterEach(async () => {
  await stack.disposeAsync();
});

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into, as parsed
async function get(path: string): Promise<any> {
  const response = await fetch(`${address}${path}`);
  expect([path, response.status]).toEqual([path, 200]);
  return await response.json();
}

const EXECUTOR = {
  framework_id: 'F',
  executor_id: 't',
  executor_name: "Command Executor (Task: t) (Command: sh -c 'sleep 100000...')",
  source: 't',
};

describe('the read side of the agent', () => {
  it.each(['/containers', '/monitor/statistics', '/metrics/snapshot'])(
    'answers %s with and without its prefix, and as JSONP',
    async (path) => {
      expect(Object.keys(await get(`/slave(1)${path}`))).toEqual(Object.keys(await get(path)));
      const response = await fetch(`${address}${path}?jsonp=show`);
      expect(response.headers.get('content-type')).toContain('text/javascript');
      expect(await response.text()).toMatch(/^show\([[{].*[\]}]\)$/);
    },
  );

  it('shows the limits of a container, and leaves out what nobody measures', async () => {
    expect(await get('/monitor/statistics')).toEqual([
      {
        ...EXECUTOR,
        statistics: { timestamp: expect.any(Number), cpus_limit: 0.5, mem_limit_bytes: 32 * 1024 * 1024 },
      },
    ]);
  });

  it('shows what the control group below --cgroups_root counts', { tags: ['root'] }, async ({ skip }) => {
    const cpuacct = '/sys/fs/cgroup/cpuacct';
    const parent = join(existsSync(cpuacct) ? cpuacct : '/sys/fs/cgroup', CGROUPS_ROOT);
    const made = await mkdir(parent).catch(() => false); // Read-only in some containers.
    skip(made === false, 'control groups cannot be written here');
    stack.defer(async () => await rmdir(parent));
    const group = join(parent, agent.activeRuns[0]?.containerId.value ?? '');
    await mkdir(group);
    stack.defer(async () => await rmdir(group));
    const [{ statistics }] = await get('/monitor/statistics');
    expect(statistics).toMatchObject({ cpus_user_time_secs: 0, cpus_system_time_secs: 0 });
  });

  it('names an executor everywhere as /state does', async () => {
    const [run] = agent.activeRuns;
    const id = run?.containerId.value;
    expect(await get('/containers')).toEqual([
      { container_id: id, ...EXECUTOR, status: { container_id: { value: id } } },
    ]);
    const { frameworks } = await get('/state');
    expect(frameworks[0].executors[0]).toMatchObject({ name: EXECUTOR.executor_name, container: id });
  });

  it('shows no container that is cleaned up', async () => {
    endContainer();
    finishCleanUp();
    await waitUntil(() => agent.activeRuns.length === 0, { what: 'the container to be cleaned up' });
    expect([await get('/containers'), await get('/monitor/statistics')]).toEqual([[], []]);
  });

  it('measures tasks, executors and resources', async () => {
    expect(await get('/metrics/snapshot')).toMatchObject({
      'slave/registered': 1,
      'slave/frameworks_active': 1,
      'slave/tasks_staging': 0,
      'slave/tasks_starting': 0,
      'slave/tasks_running': 1,
      'slave/tasks_killing': 0,
      'slave/tasks_finished': 0,
      'slave/tasks_killed': 0,
      'slave/tasks_failed': 0,
      'slave/tasks_lost': 0,
      'slave/executors_running': 1,
      'slave/executors_terminating': 0,
      'slave/executors_terminated': 0,
      'slave/cpus_total': 2,
      'slave/cpus_used': 0.5,
      'slave/cpus_percent': 0.25,
      'slave/mem_total': 128,
      'slave/mem_used': 32,
      'slave/gpus_percent': 0,
    });
  });

  it('measures an executor that is terminating, then terminated', async () => {
    endContainer();
    await waitUntil(() => agent.activeRuns[0]?.state === 'TASK_FINISHED', { what: 'the task to finish' });
    const ended = { 'slave/tasks_running': 0, 'slave/tasks_finished': 1, 'slave/executors_running': 0 };
    const free = { 'slave/cpus_used': 0, 'slave/mem_percent': 0 };
    expect(await get('/metrics/snapshot')).toMatchObject({ ...ended, ...free, 'slave/executors_terminating': 1 });
    finishCleanUp();
    await waitUntil(() => agent.activeRuns.length === 0, { what: 'the container to be cleaned up' });
    expect(await get('/metrics/snapshot')).toMatchObject({ ...ended, 'slave/executors_terminated': 1 });
  });
});
