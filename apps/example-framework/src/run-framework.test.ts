/** With a scripted master over real HTTP: what is on disk and on the wire, and how it ends. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import {
  HttpError,
  parseResources,
  type ContentType,
  type HttpReply,
  type SchedulerCall,
  type SchedulerEvent,
} from '@drydock/mesos';
import { ScriptedMaster, subscribed } from '@drydock/mesos/fake';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Flags } from './flags.ts';
import type { News } from './log.ts';
import { runFramework } from './run-framework.ts';

const framework_id = { value: 'M-0000' };
const errorOf = (message: string): SchedulerEvent => ({ type: 'ERROR', error: { message } });

let directory: string;
let master: ScriptedMaster;
let calls: { call: SchedulerCall; onDisk: string }[];
let news: News[];
/** What the master does with a call; nothing = it takes it. */
let answer: (call: SchedulerCall) => HttpReply | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'example-framework-'));
  calls = [];
  news = [];
  answer = () => undefined;
  master = await ScriptedMaster.start(
    (call) => {
      if (call.type === 'SUBSCRIBE') master.send(subscribed());
    },
    {
      answer: async (call) => {
        calls.push({ call, onDisk: await readFile(join(directory, 'framework.json'), 'utf8').catch(() => '') });
        return answer(call);
      },
    },
  );
});
afterEach(async () => {
  await master[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const flagsOf = (more: Partial<Flags> = {}): Flags => ({
  masters: [master.address],
  stateDir: directory,
  contentType: 'application/json',
  driver: 'd',
  volume: 'v',
  image: 'i',
  role: 'r',
  failoverTimeoutSeconds: 60,
  isTornDown: false,
  isJson: false,
  ...more,
});

/** Ends with the test's signal. */
function start(more: Partial<Flags> = {}): { ended: Promise<void>; stop: () => void } {
  const ending = new AbortController();
  const ended = runFramework(flagsOf(more), { signal: ending.signal, log: (one) => void news.push(one) });
  ended.catch(() => undefined); // Looked at by the test.
  return { ended, stop: () => ending.abort() };
}

const seen = async (type: string): Promise<{ call: SchedulerCall; onDisk: string }> => {
  return await waitUntil(() => calls.findLast(({ call }) => call.type === type), { what: `${type}` });
};

describe('runFramework', () => {
  it.each<ContentType>(['application/json', 'application/x-protobuf'])(
    'has on disk what it tells the master, before it tells it, in %s',
    async (type) => {
      const { ended, stop } = start({ contentType: type });
      await seen('REVIVE');
      master.offer(parseResources('cpus:1;mem:64'));
      const launch = await seen('ACCEPT');
      const taskId = launch.call.accept?.operations?.[0]?.launch?.task_infos?.[0]?.task_id.value ?? '';
      expect(taskId).toMatch(/^writer-[0-9a-f]{8}$/);
      expect(JSON.parse(launch.onDisk)).toEqual({
        version: 1,
        frameworkId: 'M-0000',
        tasks: { writer: { taskId, agentId: 'M-S0', state: 'TASK_STAGING' } },
      });
      master.update({ task_id: { value: taskId }, state: 'TASK_RUNNING', uuid: Buffer.alloc(16, 1) });
      const acknowledged = await seen('ACKNOWLEDGE');
      expect(acknowledged.onDisk).toContain('TASK_RUNNING');
      stop();
      await ended;
      expect(calls.map(({ call }) => call.type)).not.toContain('TEARDOWN');
      expect(calls[0]?.call.subscribe?.framework_info).toMatchObject({
        failover_timeout: 60,
        checkpoint: true,
        roles: ['r'],
        capabilities: [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }],
      });
    },
  );

  it('subscribes under the id that the last instance left', async () => {
    const first = start();
    await seen('REVIVE');
    first.stop();
    await first.ended;
    calls = [];
    const second = start();
    await seen('REVIVE');
    expect(calls[0]?.call.framework_id).toEqual(framework_id);
    second.stop();
    await second.ended;
  });

  it('goes on after a call that failed, and says so', async () => {
    answer = ({ type }) => {
      if (type === 'ACCEPT') throw new HttpError(400, 'no');
      return undefined;
    };
    const { ended, stop } = start();
    await seen('REVIVE');
    master.offer(parseResources('cpus:1;mem:64'));
    const url = `http://${master.address}/api/v1/scheduler`;
    const failure = { call: 'ACCEPT', reason: `${url} refused with status 400: no` };
    await waitUntil(() => news.some(({ message }) => message === 'A call failed'), { what: 'the failure' });
    expect(news).toContainEqual({ message: 'A call failed', fields: failure });
    master.send({ type: 'HEARTBEAT' });
    await waitUntil(() => calls.filter(({ call }) => (call.reconcile?.tasks?.length ?? 0) > 0).length === 1, {
      what: 'the launch to be looked after',
    });
    stop();
    await ended;
  });

  it('ends when another instance has taken over', async () => {
    const { ended } = start();
    await seen('REVIVE');
    master.send(errorOf('Framework failed over'));
    await expect(ended).rejects.toThrow(
      'Framework failed over: another instance has subscribed with framework id M-0000, and goes on with its tasks',
    );
    expect(await readdir(directory)).toEqual(['framework.json']);
  });

  it('ends when the framework has been removed, and says how to begin anew', async () => {
    const { ended } = start();
    await seen('REVIVE');
    master.send(errorOf('Framework has been removed'));
    const url = `http://${master.address}/api/v1/scheduler`;
    await expect(ended).rejects.toThrow(
      `${url} refused the subscription: Framework has been removed (framework id M-0000). To start as a new framework, remove ${join(directory, 'framework.json')}`,
    );
  });

  it('tears down when it is told to, and forgets the id', async () => {
    const { ended, stop } = start({ isTornDown: true });
    await seen('REVIVE');
    stop();
    await ended;
    expect(calls.at(-1)?.call).toEqual({ type: 'TEARDOWN', framework_id });
    expect(await readdir(directory)).toEqual([]);
  });

  it('fails and keeps the id when it could not tear down', async () => {
    answer = ({ type }) => {
      if (type === 'TEARDOWN') throw new HttpError(503, 'later');
      return undefined;
    };
    const { ended, stop } = start({ isTornDown: true });
    await seen('REVIVE');
    stop();
    await expect(ended).rejects.toThrow(
      /^Failed to tear down framework M-0000: .* 503: later\. Start the framework again/,
    );
    expect(await readdir(directory)).toEqual(['framework.json']);
  });

  it('has nothing to tear down before a master has known it', async () => {
    answer = () => {
      throw new HttpError(503, 'not yet');
    };
    const { ended, stop } = start({ isTornDown: true });
    await waitUntil(() => news.some(({ message }) => message === 'Disconnected'), { what: 'an attempt' });
    stop();
    await ended;
    expect(news.at(-1)).toEqual({ message: 'Torn down' });
  });
});
