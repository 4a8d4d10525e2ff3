import { waitUntil } from '@drydock/base/wait-until';
import { decode, masterEventType, startHttpService, type HttpReply, type MasterEvent } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRecords } from '../testing/read-records.ts';
import { serveMaster, type ServedMaster } from '../testing/scripted-peers.ts';
import { OperatorSubscribers } from './operator-subscribers.ts';

let stack: AsyncDisposableStack;
let served: ServedMaster;
let subscribers: OperatorSubscribers;
let url: string;

/** At most two subscribers. */
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  served = stack.use(await serveMaster());
  subscribers = new OperatorSubscribers(() => served.master, { countMax: 2 });
  const handle = (): HttpReply => subscribers.subscribe('application/json');
  const routes = [{ method: 'GET', path: '/events', handle }] as const;
  const service = stack.use(await startHttpService({ port: 0, prefix: 'p', routes }));
  url = `http://${service.ip}:${service.port}/events`;
});
afterEach(async () => {
  await stack.disposeAsync();
});

interface Peer {
  readonly events: MasterEvent[];
  readonly ended: Promise<void>;
  readonly leave: () => void;
}

async function join(): Promise<Peer> {
  const abort = new AbortController();
  stack.defer(() => abort.abort());
  const response = await fetch(url, { signal: abort.signal });
  const events: MasterEvent[] = [];
  const ended = readRecords(response, (one) => void events.push(decode(masterEventType, one, 'application/json')));
  return { events, ended, leave: () => abort.abort() };
}

describe('subscribers of the operator API', () => {
  it('are so many at most: a further one ends the oldest', async () => {
    const oldest = await join();
    const [second, third] = [await join(), await join()];
    await oldest.ended;
    expect(subscribers.count).toBe(2);
    const { agents, events: told } = served.master;
    told.agentAdded(agents.add('S', { hostname: 'h' }, { pid: 'slave(1)@h:1', version: '1' }));
    for (const { events } of [second, third]) {
      await waitUntil(() => events.at(-1)?.type === 'AGENT_ADDED', { what: 'the event' });
    }
    expect(oldest.events.map(({ type }) => type)).toEqual(['SUBSCRIBED', 'HEARTBEAT']);
  });

  it('cost nothing when the last one is gone', async () => {
    expect(served.master.events.isObserved).toBe(false);
    const [first, second] = [await join(), await join()];
    expect(served.master.events.isObserved).toBe(true);
    first.leave();
    await waitUntil(() => subscribers.count === 1, { what: 'the first one to be gone' });
    expect(served.master.events.isObserved).toBe(true);
    second.leave();
    await waitUntil(() => subscribers.count === 0, { what: 'the second one to be gone' });
    expect(served.master.events.isObserved).toBe(false);
  });
});
