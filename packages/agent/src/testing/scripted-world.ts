/** Scripted peers of an agent under test: its master, over real HTTP, and its containerizer. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import { waitUntil } from '@drydock/base/wait-until';
import type { ContainerTermination, ForkedContainer } from '@drydock/containerizer';
import {
  HttpError,
  VirtualFiles,
  acceptedContentType,
  acceptedReply,
  agentApiCallType,
  agentApiEventType,
  encode,
  readCall,
  startHttpService,
  streamReply,
  type AgentApiEvent,
  type ContainerID,
  type HttpRoute,
  type RecordStream,
  type TaskStatus,
} from '@drydock/mesos';
import type { AgentOptions } from '../agent-options.ts';
import { Agent } from '../agent.ts';
import { agentRoutes } from '../http/agent-routes.ts';
import { recoverAgent } from '../recover-agent.ts';

/** A master that says what the test wants over real HTTP, and keeps the statuses that it gets. */
export class ScriptedMaster {
  readonly statuses: TaskStatus[] = [];
  readonly exits: unknown[] = [];
  /** What executors have said to the framework. */
  readonly messages: string[] = [];
  /** So many ends of executors it does not take. */
  refusedExitCount = 0;
  #stream: RecordStream | undefined;

  readonly route: HttpRoute = {
    method: 'POST',
    path: '/api/v1/agent-link',
    handle: (request) => {
      const call = readCall(request, agentApiCallType);
      if (call.update_status !== undefined) this.statuses.push(call.update_status.status);
      if (call.message !== undefined) this.messages.push(Buffer.from(call.message.data).toString());
      if (call.executor_exited !== undefined) this.#takeExit(call.executor_exited);
      if (call.type !== 'REGISTER') return acceptedReply();
      const open = (stream: RecordStream): void => {
        this.#stream = stream;
        const registered = {
          agent_id: { value: 'S0' },
          master_info: { id: 'M', ip: 0, port: 5050 },
          heartbeat_interval_seconds: 15,
        };
        this.send({ type: 'REGISTERED', registered });
      };
      return streamReply({ contentType: acceptedContentType(request), streamId: 'stream', open });
    },
  };

  #takeExit(exit: unknown): void {
    if (this.refusedExitCount === 0) {
      this.exits.push(exit);
      return;
    }
    this.refusedExitCount -= 1;
    throw new HttpError(503, 'not now');
  }

  send(event: AgentApiEvent): void {
    this.#stream?.send(encode(agentApiEventType, event, 'application/x-protobuf'));
  }

  runTask(id: string): void {
    const task = {
      name: id,
      task_id: { value: id },
      agent_id: { value: 'S0' },
      command: { value: 'true', user: 'nobody' },
    };
    this.send({
      type: 'RUN_TASK',
      run_task: { framework_info: { user: 'root', name: 'f', id: { value: 'F' } }, task },
    });
  }

  killTask(id: string): void {
    this.send({ type: 'KILL_TASK', kill_task: { framework_id: { value: 'F' }, task_id: { value: id } } });
  }

  acknowledge({ task_id: taskId, uuid = Buffer.alloc(0) }: TaskStatus): void {
    const acknowledged = { framework_id: { value: 'F' }, task_id: taskId, uuid };
    this.send({ type: 'STATUS_ACKNOWLEDGED', status_acknowledged: acknowledged });
  }

  /** The next state that is not `seen` yet, acknowledged. */
  async next(seen: number): Promise<TaskStatus> {
    const status = await waitUntil(() => this.statuses[seen], { what: `status ${seen + 1}` });
    this.acknowledge(status);
    return status;
  }
}

/** Containers that end when the test says so. */
export class ScriptedContainer implements ForkedContainer {
  readonly pid = 4242;
  readonly #exited = Promise.withResolvers<ContainerTermination>();
  readonly exited: Promise<ContainerTermination> = this.#exited.promise;
  readonly calls: string[] = [];

  async hasStarted(): Promise<boolean> {
    return await Promise.resolve(true);
  }
  async openGate(): Promise<void> {
    this.calls.push('openGate');
    await Promise.resolve();
  }
  async terminate(): Promise<void> {
    this.calls.push('terminate');
    await Promise.resolve();
  }
  async kill(): Promise<void> {
    this.end();
    await Promise.resolve();
  }
  end(exitCode = 0): void {
    this.#exited.resolve({ how: 'exited', exitCode, waitStatus: exitCode * 256, isOutOfMemory: false });
  }
}

export class ScriptedContainerizer {
  readonly containers: ScriptedContainer[] = [];
  readonly configs: Parameters<AgentOptions['containerizer']['launch']>[1][] = [];
  readonly options: Parameters<AgentOptions['containerizer']['launch']>[2][] = [];
  /** What happens before a launch gives its container. */
  onLaunch: () => void = () => undefined;

  /** In the order in which they were launched. */
  readonly ids: ContainerID[] = [];
  readonly destroyed: ContainerID[] = [];

  launch: AgentOptions['containerizer']['launch'] = async (id, config, options) => {
    this.ids.push(id);
    this.configs.push(config);
    this.options.push(options);
    const container = new ScriptedContainer();
    this.containers.push(container);
    this.onLaunch();
    return await Promise.resolve(container);
  };

  launchWithoutProcess: AgentOptions['containerizer']['launchWithoutProcess'] = async () => await Promise.resolve();

  /** The limits of containers, in the order in which they were changed. */
  readonly limits: Parameters<AgentOptions['containerizer']['update']>[1][] = [];
  update: AgentOptions['containerizer']['update'] = async (_, resources) => {
    this.limits.push(resources);
    await Promise.resolve();
  };

  wait: AgentOptions['containerizer']['wait'] = async () => await Promise.resolve(undefined);
  signal: AgentOptions['containerizer']['signal'] = async () => await Promise.resolve(false);
  remove: AgentOptions['containerizer']['remove'] = async () => await Promise.resolve();

  /** Nothing that happens to the containers from now on is seen by who has launched them. */
  detach(): void {
    for (const [index, container] of this.containers.entries()) {
      const next = new ScriptedContainer();
      next.calls.push(...container.calls);
      this.containers[index] = next;
    }
  }

  readonly destroyErrorCount = 0;
  destroy: AgentOptions['containerizer']['destroy'] = async (id) => {
    this.destroyed.push(id);
    for (const container of this.containers) if (!container.calls.includes('openGate')) await container.kill();
  };
}

export interface ScriptedWorld extends AsyncDisposable {
  readonly master: ScriptedMaster;
  readonly containerizer: ScriptedContainerizer;
  readonly agent: Agent;
  /** Where the agent listens, `ip:port`. */
  readonly address: string;
  readonly workDir: string;
  readonly files: VirtualFiles;
  /** The agent stops as if it were killed and another one takes its place, at another address. */
  readonly restart: () => Promise<RestartedAgent>;
}

export interface RestartedAgent {
  readonly agent: Agent;
  readonly address: string;
}

const DEFAULT_OPTIONS = {
  hostname: 'h',
  version: '1.12.0',
  resources: [],
  attributes: [],
  isSwitchingUser: false,
  hasDockerVolumes: true,
  executorEnvironmentVariables: {},
  executorShutdownGraceMs: 60_000,
  executorRegistrationTimeoutMs: 60_000,
  executorReregistrationTimeoutMs: 2_000,
  recoveryTimeoutMs: 900_000,
  completedExecutorCountMax: 1,
  logger: silentLogger,
  onRefused: () => undefined,
  onShutdown: () => undefined,
} satisfies Partial<AgentOptions>;

/** An agent that has registered; its flags are those of `options`. */
export async function startScriptedWorld(options: Partial<AgentOptions> = {}): Promise<ScriptedWorld> {
  await using stack = new AsyncDisposableStack();
  let owner: AsyncDisposableStack = stack;
  const workDir = await mkdtemp(join(tmpdir(), 'agent-'));
  stack.defer(async () => await rm(workDir, { recursive: true }));
  const [master, containerizer, files] = [new ScriptedMaster(), new ScriptedContainerizer(), new VirtualFiles()];
  const service = stack.use(await startHttpService({ port: 0, prefix: 'master', routes: [master.route] }));
  const start = async (recovered?: AgentOptions['recovered']): Promise<RestartedAgent> => {
    const started: { agent?: Agent } = {};
    const agentNow = (): Agent => {
      if (started.agent === undefined) throw new Error('the agent is not there yet');
      return started.agent;
    };
    const facts = { flags: {}, startTime: 1 };
    const routes = agentRoutes(agentNow, files, facts);
    const served = owner.use(await startHttpService({ port: 0, prefix: 'slave(1)', routes }));
    const agent = new Agent({
      ...DEFAULT_OPTIONS,
      master: `127.0.0.1:${service.port}`,
      workDir,
      ip: served.ip,
      port: served.port,
      containerizer,
      files,
      ...options,
      ...(recovered === undefined ? {} : { recovered }),
    });
    started.agent = agent;
    owner.defer(async () => {
      for (const container of containerizer.containers) container.end();
      await agent.drain();
    });
    await waitUntil(() => agent.state === 'running', { what: 'the agent to register' });
    return { agent, address: `${served.ip}:${served.port}` };
  };
  const first = await start();
  const restart = async (): Promise<RestartedAgent> => {
    await first.agent.stop();
    containerizer.detach();
    const recovered = await recoverAgent({
      workDir,
      bootId: 'boot',
      info: { hostname: 'h', resources: [], attributes: [] },
      isStrict: true,
      mode: 'reconnect',
      timeoutMs: 900_000,
      containerizer: {
        recover: async (known) =>
          await Promise.resolve(
            known.map(({ containerId }) => ({
              containerId,
              process:
                containerizer.containers[containerizer.ids.findIndex(({ value }) => value === containerId.value)],
            })),
          ),
      },
      logger: silentLogger,
    });
    return await start(recovered);
  };
  const kept = stack.move();
  owner = kept;
  return {
    master,
    containerizer,
    ...first,
    workDir,
    files,
    restart,
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}
