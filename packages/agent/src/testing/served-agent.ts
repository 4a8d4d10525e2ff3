/** An agent that serves HTTP, under a scripted master that made it run one task in a scripted container. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import { waitUntil } from '@drydock/base/wait-until';
import type { ContainerTermination } from '@drydock/containerizer';
import type { DockerVolumeStatus } from '@drydock/isolator';
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
  type FrameworkInfo,
  type HttpRoute,
  type ProcessFacts,
  type RecordStream,
  type TaskInfo,
} from '@drydock/mesos';
import { Agent } from '../agent.ts';
import { agentRoutes } from '../http/agent-routes.ts';

export interface ServedAgent extends AsyncDisposable {
  /** `http://ip:port` */
  readonly address: string;
  readonly agent: Agent;
  /** The task's command ends with status 0. */
  readonly endContainer: () => void;
  /** The containerizer's clean-up, which waits for this. */
  readonly finishCleanUp: () => void;
}

export interface ServeAgentOptions extends Partial<ProcessFacts> {
  /** In place of parts of the task `t`, which sleeps. */
  readonly task?: Partial<TaskInfo>;
  readonly framework?: Partial<FrameworkInfo>;
  /** What docker/volume tells, asked at each request; without it the agent has no such isolator. */
  readonly volumes?: () => DockerVolumeStatus | undefined;
}

const TASK: TaskInfo = {
  name: 'one',
  task_id: { value: 't' },
  agent_id: { value: 'S0' },
  command: { value: 'sleep 1000000000' },
  resources: [...parseResources('cpus:0.5;mem:32')],
};

/** Resolves when the task runs. Its container has no control groups. */
export async function serveAgent(options: ServeAgentOptions = {}): Promise<ServedAgent> {
  await using stack = new AsyncDisposableStack();
  const workDir = await mkdtemp(join(tmpdir(), 'agent-'));
  stack.defer(async () => await rm(workDir, { recursive: true }));
  const routes = [masterRoute({ ...TASK, ...options.task }, options.framework ?? {})];
  const master = stack.use(await startHttpService({ port: 0, prefix: 'master', routes }));
  const files = new VirtualFiles();
  const { flags = {}, startTime = 1, build } = options;
  const facts = { flags, startTime, ...(build === undefined ? {} : { build }) };
  const started: { agent?: Agent } = {};
  const agentNow = (): Agent => {
    if (started.agent === undefined) throw new Error('the agent is not there yet');
    return started.agent;
  };
  const service = stack.use(
    await startHttpService({
      port: 0,
      prefix: 'slave(1)',
      routes: agentRoutes(agentNow, files, facts, options.volumes),
    }),
  );
  const container = scriptedContainer();
  const agent = new Agent({
    master: `127.0.0.1:${master.port}`,
    workDir,
    hostname: 'h',
    ip: service.ip,
    port: service.port,
    version: '1.12.0',
    resources: parseResources('cpus:1.5;cpus(web):0.5;mem:128;ports:[31000-31001]'),
    attributes: [
      { name: 'rack', type: 'TEXT', text: { value: 'r1' } },
      { name: 'weight', type: 'SCALAR', scalar: { value: 1.5 } },
      { name: 'slots', type: 'RANGES', ranges: { range: [{ begin: 1, end: 3 }] } },
      { name: 'disks', type: 'SET', set: { item: ['a', 'b'] } },
    ],
    isSwitchingUser: false,
    hasDockerVolumes: true,
    executorEnvironmentVariables: {},
    executorShutdownGraceMs: 60_000,
    executorRegistrationTimeoutMs: 60_000,
    executorReregistrationTimeoutMs: 2_000,
    recoveryTimeoutMs: 900_000,
    completedExecutorCountMax: 1,
    containerizer: container.containerizer,
    files,
    logger: silentLogger,
    onRefused: () => undefined,
    onShutdown: () => undefined,
  });
  started.agent = agent;
  stack.defer(async () => {
    container.end();
    container.finishCleanUp();
    await agent.drain();
  });
  await waitUntil(() => agent.activeRuns.some(({ tasks }) => tasks[0]?.state === 'TASK_RUNNING'), {
    what: 'the task to run',
  });
  const kept = stack.move();
  return {
    address: `http://${service.ip}:${service.port}`,
    agent,
    endContainer: container.end,
    finishCleanUp: container.finishCleanUp,
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}

function scriptedContainer(): {
  readonly containerizer: Agent['options']['containerizer'];
  readonly end: () => void;
  readonly finishCleanUp: () => void;
} {
  const exited = Promise.withResolvers<ContainerTermination>();
  const cleanedUp = Promise.withResolvers<void>();
  const nothing = async (): Promise<void> => await Promise.resolve();
  const started = {
    pid: 4242,
    exited: exited.promise,
    hasStarted: async () => await Promise.resolve(true),
    openGate: nothing,
    terminate: nothing,
    kill: nothing,
  };
  return {
    containerizer: {
      launch: async () => await Promise.resolve(started),
      launchWithoutProcess: nothing,
      update: nothing,
      wait: async () => await Promise.resolve(undefined),
      signal: async () => await Promise.resolve(false),
      remove: nothing,
      destroy: async () => await cleanedUp.promise,
      destroyErrorCount: 0,
    },
    end: () => exited.resolve({ how: 'exited', exitCode: 0, waitStatus: 0, isOutOfMemory: false }),
    finishCleanUp: () => cleanedUp.resolve(),
  };
}

/** A master that tells its agent to run one task, and acknowledges every update at once. */
function masterRoute(task: TaskInfo, framework: Partial<FrameworkInfo>): HttpRoute {
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
        const { task_id: taskId, uuid = Buffer.alloc(0) } = status;
        const acknowledged = { framework_id: { value: 'F' }, task_id: taskId, uuid };
        send({ type: 'STATUS_ACKNOWLEDGED', status_acknowledged: acknowledged });
      }
      if (call.type !== 'REGISTER') return acceptedReply();
      const registered = {
        agent_id: { value: 'S0' },
        master_info: { id: 'M', ip: 0, port: 5050, hostname: 'master-host' },
        heartbeat_interval_seconds: 15,
      };
      const frameworkInfo = { user: 'root', name: 'f', id: { value: 'F' }, ...framework };
      return streamReply({
        contentType: acceptedContentType(request),
        open: (stream) => {
          events = stream;
          send({ type: 'REGISTERED', registered });
          send({ type: 'RUN_TASK', run_task: { framework_info: frameworkInfo, task } });
        },
      });
    },
  };
}
