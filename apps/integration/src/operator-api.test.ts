/** The read side and the operator APIs of real daemons, as a person with curl sees them. */
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY, type ExecutedTask } from '@drydock/cluster';
import {
  agentCallType,
  agentResponseType,
  decode,
  encode,
  masterCallType,
  masterResponseType,
  type AgentCall,
  type AgentResponse,
  type MasterCall,
  type MasterResponse,
} from '@drydock/mesos';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertNothingLeft } from './testing/test-cluster.ts';

const tags = ['root'];
const CONTENT_TYPES = ['application/json', 'application/x-protobuf'] as const;
type ContentType = (typeof CONTENT_TYPES)[number];

let cluster: LocalCluster;
let agent = '';
let task: Promise<ExecutedTask>;
/** The task ends when this is there. */
let endFile = '';

beforeAll(async () => {
  cluster = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
  const logDir = join(cluster.directory, 'glog');
  await cluster.startMaster([`--log_dir=${logDir}`]);
  const flags = [`--log_dir=${logDir}`, '--attributes=rack:r1;level:10;slots:[1-3]', '--resources=cpus:2;cpus(web):1'];
  ({ address: agent } = await cluster.startAgent({ flags }));
  endFile = join(cluster.directory, 'end');
  task = cluster.execute({ image: null, command: `until test -e ${endFile}; do sleep 0.1; done` });
  await waitUntil(async () => (await get(cluster.master, '/metrics/snapshot'))['master/tasks_running'] === 1, {
    what: 'the task to run',
    timeoutMs: 30_000,
  });
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into, as parsed
async function get(address: string, path: string): Promise<any> {
  return await (await fetch(`http://${address}${path}`)).json();
}

async function post(address: string, contentType: ContentType, body: Uint8Array): Promise<Buffer> {
  const headers = { 'Content-Type': contentType, Accept: contentType };
  const response = await fetch(`http://${address}/api/v1`, { method: 'POST', headers, body: Buffer.from(body) });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

async function askMaster(call: MasterCall, contentType: ContentType): Promise<MasterResponse> {
  const body = await post(cluster.master, contentType, encode(masterCallType, call, contentType));
  return decode(masterResponseType, body, contentType);
}

async function askAgent(call: AgentCall, contentType: ContentType): Promise<AgentResponse> {
  return decode(
    agentResponseType,
    await post(agent, contentType, encode(agentCallType, call, contentType)),
    contentType,
  );
}

describe('daemons of a cluster', { tags }, () => {
  it.each(CONTENT_TYPES)('tell operators what runs, as %s', async (contentType) => {
    const { get_state: seen } = await askMaster({ type: 'GET_STATE' }, contentType);
    const taskId = { value: 'test' };
    expect(seen).toMatchObject({
      get_tasks: { tasks: [{ task_id: taskId, state: 'TASK_RUNNING' }] },
      get_frameworks: { frameworks: [{ connected: true }] },
      get_agents: { agents: [{ active: true, agent_info: { attributes: [{ name: 'rack' }, {}, {}] } }] },
    });
    const { get_state: own } = await askAgent({ type: 'GET_STATE' }, contentType);
    expect(own).toMatchObject({ get_tasks: { launched_tasks: [{ task_id: taskId, state: 'TASK_RUNNING' }] } });
    const { get_containers: containers } = await askAgent({ type: 'GET_CONTAINERS' }, contentType);
    expect(containers?.containers).toMatchObject([{ executor_id: taskId, container_status: {} }]);
    const [mine] = own?.get_tasks?.launched_tasks ?? [];
    expect(seen?.get_tasks?.tasks?.[0]?.status_update_uuid).toEqual(mine?.status_update_uuid);
  });

  it.each(CONTENT_TYPES)('show a sandbox and their logs, as %s', async (contentType) => {
    const { get_frameworks: known } = await askAgent({ type: 'GET_FRAMEWORKS' }, contentType);
    const frameworkId = known?.frameworks?.[0]?.framework_info.id?.value ?? '';
    const path = `/frameworks/${frameworkId}/executors/test/runs/latest`;
    const { list_files: listed } = await askAgent({ type: 'LIST_FILES', list_files: { path } }, contentType);
    expect(listed?.file_infos?.map((file) => file.path)).toEqual([`${path}/stderr`, `${path}/stdout`]);
    const readFile = { path: `${path}/stdout`, offset: 0 };
    const { read_file: stdout } = await askAgent({ type: 'READ_FILE', read_file: readFile }, contentType);
    expect(Buffer.from(stdout?.data ?? []).toString()).toContain('Starting task test');
    const log = { offset: 0, length: 65_536 };
    const { read_file: ofMaster } = await askMaster(
      { type: 'READ_FILE', read_file: { path: '/master/log', ...log } },
      contentType,
    );
    expect(Buffer.from(ofMaster?.data ?? []).toString()).toContain('master] Registered an agent');
    const { read_file: ofAgent } = await askAgent(
      { type: 'READ_FILE', read_file: { path: '/slave/log', ...log } },
      contentType,
    );
    expect(Buffer.from(ofAgent?.data ?? []).toString()).toContain('agent] Launching a task');
  });

  it('show attributes, reservations and builds in /state', async () => {
    const shown = {
      attributes: { rack: 'r1', level: 10, slots: '[1-3]' },
      resources: { cpus: 3 },
      reserved_resources: { web: { cpus: 1 } },
      unreserved_resources: { cpus: 2 },
    };
    const build = {
      build_date: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      build_user: expect.any(String),
    };
    expect(await get(cluster.master, '/master/state')).toMatchObject({ ...build, slaves: [shown] });
    expect(await get(agent, '/slave(1)/state')).toMatchObject({ ...build, ...shown });
  });

  it('forget nothing of what they counted', async () => {
    await cluster.exec(['touch', endFile]);
    expect((await task).states.at(-1)).toBe('TASK_FINISHED');
    await waitUntil(async () => (await get(agent, '/metrics/snapshot'))['slave/executors_terminated'] === 1, {
      what: 'the executor to be counted',
    });
    expect(await get(agent, '/metrics/snapshot')).toMatchObject({
      'slave/tasks_finished': 1,
      'slave/tasks_running': 0,
    });
    await waitUntil(async () => (await get(cluster.master, '/metrics/snapshot'))['master/tasks_finished'] === 1, {
      what: 'the master to have counted it',
    });
    await assertNothingLeft(cluster);
  });
});
