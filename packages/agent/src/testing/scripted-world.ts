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

/** A master that says what the test wants over real HTTP, and keeps the statuses that it gets. */
export class ScriptedMaster {
  readonly statuses: TaskStatus[] = [];
  readonly exits: unknown[] = [];
  /** So many ends of executors it does not take. */
  refusedExitCount = 0;
  #stream: RecordStream | undefined;

  readonly route: HttpRoute = {
    method: 'POST',
    path: '/api/v1/agent-link',
    handle: (request) => {
      const call = readCall(request, agentApiCallType);
      if (call.update_status !== undefined) this.statuses.push(call.update_status.status);
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
    if (status === undefined) throw new Error('waitUntil gives only good values');
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
  end(): void {
    this.#exited.resolve({ how: 'exited', exitCode: 0, waitStatus: 0, isOutOfMemory: false });
  }
}

export class ScriptedContainerizer {
  readonly containers: ScriptedContainer[] = [];
  readonly configs: Parameters<AgentOptions['containerizer']['launch']>[1][] = [];
  /** What happens before a launch gives its container. */
  onLaunch: () => void = () => undefined;

  /** In the order in which they were launched. */
  readonly ids: ContainerID[] = [];
  readonly destroyed: ContainerID[] = [];

  launch: AgentOptions['containerizer']['launch'] = async (id, config) => {
    this.ids.push(id);
    this.configs.push(config);
    const container = new ScriptedContainer();
    this.containers.push(container);
    this.onLaunch();
    return await Promise.resolve(container);
  };

  launchWithoutProcess: AgentOptions['containerizer']['launchWithoutProcess'] = async () => await Promise.resolve();

  wait: AgentOptions['containerizer']['wait'] = async () => await Promise.resolve(undefined);
  signal: AgentOptions['containerizer']['signal'] = async () => await Promise.resolve(false);
  remove: AgentOptions['containerizer']['remove'] = async () => await Promise.resolve();

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
  readonly files: VirtualFiles;
}

/** An agent that has registered. */
export async function startScriptedWorld(): Promise<ScriptedWorld> {
  await using stack = new AsyncDisposableStack();
  const workDir = await mkdtemp(join(tmpdir(), 'agent-'));
  stack.defer(async () => await rm(workDir, { recursive: true }));
  const [master, containerizer, files] = [new ScriptedMaster(), new ScriptedContainerizer(), new VirtualFiles()];
  const service = stack.use(await startHttpService({ port: 0, prefix: 'master', routes: [master.route] }));
  const agent = new Agent({
    master: `127.0.0.1:${service.port}`,
    workDir,
    hostname: 'h',
    ip: '127.0.0.1',
    port: 1,
    version: '1.12.0',
    resources: [],
    attributes: [],
    isSwitchingUser: false,
    hasDockerVolumes: true,
    executorEnvironmentVariables: {},
    executorShutdownGraceMs: 60_000,
    completedExecutorCountMax: 1,
    containerizer,
    files,
    logger: silentLogger,
    onRefused: () => undefined,
    onShutdown: () => undefined,
  });
  stack.defer(async () => {
    for (const container of containerizer.containers) container.end();
    await agent.drain();
  });
  await waitUntil(() => agent.state === 'running', { what: 'the agent to register' });
  const kept = stack.move();
  return { master, containerizer, agent, files, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
}
