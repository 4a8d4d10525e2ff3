import { waitUntil } from '@drydock/base/wait-until';
import { HttpResponse, http } from 'msw/http';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decode, encode, type ContentType } from '../codec/codec.ts';
import { encodeRecord } from '../codec/record-io.ts';
import { schedulerCallType, schedulerEventType } from '../codec/schema.ts';
import { PeerRefusedError, PeerUnreachableError } from '../http/record-client.ts';
import type { SchedulerCall, SchedulerEvent } from './messages.ts';
import { SubscriptionRefusedError } from './scheduler-client.ts';
import {
  NotSubscribedError,
  createSchedulerLink,
  type SchedulerLink,
  type SchedulerLinkOptions,
} from './scheduler-link.ts';

const frameworkInfo = { user: 'root', name: 'test' };
const JSON_TYPE: ContentType = 'application/json';
const rescind: SchedulerEvent = { type: 'RESCIND', rescind: { offer_id: { value: 'O' } } };
const subscribed = (id = 'F', seconds = 15): SchedulerEvent => ({
  type: 'SUBSCRIBED',
  subscribed: { framework_id: { value: id }, heartbeat_interval_seconds: seconds },
});
const failedOver: SchedulerEvent = { type: 'ERROR', error: { message: 'Framework failed over' } };
const urlOf = (master: string): string => `http://${master}/api/v1/scheduler`;

/** One stream of a master: what comes, and whether it then ends. */
interface Stream {
  readonly events: readonly (SchedulerEvent | Buffer)[];
  readonly isOpen?: boolean;
}
const openStream = (...events: readonly (SchedulerEvent | Buffer)[]): Stream => ({ events, isOpen: true });
const endedStream = (...events: readonly (SchedulerEvent | Buffer)[]): Stream => ({ events });

const server = setupServer();
/** Calls in their order, with the master that got them. */
let calls: { master: string; streamId: string | null; call: SchedulerCall }[] = [];
let slept: number[] = [];
beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterEach(() => {
  server.resetHandlers();
  calls = [];
  slept = [];
});
afterAll(() => server.close());

/** What a master answers to one SUBSCRIBE after the other; the last answer stays. */
function master(name: string, ...answers: readonly (Stream | (() => Response))[]): void {
  let count = 0;
  server.use(
    http.post(urlOf(name), async ({ request }) => {
      const type: ContentType =
        request.headers.get('Content-Type') === JSON_TYPE ? JSON_TYPE : 'application/x-protobuf';
      const call = decode(schedulerCallType, Buffer.from(await request.arrayBuffer()), type);
      calls.push({ master: name, streamId: request.headers.get('Mesos-Stream-Id'), call });
      if (call.type !== 'SUBSCRIBE') return new HttpResponse(null, { status: 202 });
      const answer = answers[Math.min(count, answers.length - 1)];
      count += 1;
      return answer instanceof Function ? answer() : toResponse(answer ?? openStream(), `${name}-${count}`, type);
    }),
  );
}

function toResponse({ events, isOpen = false }: Stream, streamId: string, type: ContentType): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const event of events) {
        const bytes = Buffer.isBuffer(event) ? event : encodeRecord(encode(schedulerEventType, event, type));
        controller.enqueue(bytes);
      }
      if (!isOpen) controller.close();
    },
  });
  return new HttpResponse(body, { headers: { 'Content-Type': type, 'Mesos-Stream-Id': streamId } });
}

const refusing =
  (status: number, text = ''): (() => Response) =>
  () =>
    new HttpResponse(text, { status });
const redirecting =
  (location: string): (() => Response) =>
  () =>
    new HttpResponse(null, { status: 307, headers: { Location: location } });

const FIRST_PAUSE_MS = 100;
const link = (masters: readonly [string, ...string[]], more: Partial<SchedulerLinkOptions> = {}): SchedulerLink =>
  createSchedulerLink({
    masters,
    frameworkInfo,
    backoffMsMin: FIRST_PAUSE_MS,
    backoffMsMax: 400,
    random: { hex: () => 'ffffffff' },
    clock: { now: () => 0, sleep: async (ms) => void slept.push(Math.round(ms)) },
    ...more,
  });

/** The types of the first events. */
async function take(from: SchedulerLink, count: number): Promise<readonly (string | undefined)[]> {
  const types: (string | undefined)[] = [];
  for await (const event of from.events()) {
    types.push(event.type);
    if (types.length === count) break;
  }
  return types;
}

const subscriptions = (): readonly string[] =>
  calls.filter(({ call }) => call.type === 'SUBSCRIBE').map(({ master: name }) => name);

describe('a link', () => {
  it.each<ContentType>(['application/json', 'application/x-protobuf'])(
    'subscribes again under its id when the stream ends, and sends its calls on the new stream, in %s',
    async (contentType) => {
      master('a', endedStream(subscribed(), rescind), openStream(subscribed(), { type: 'HEARTBEAT' }));
      await using framework = link(['a'], { contentType, suppressedRoles: ['*'] });
      expect(await take(framework, 4)).toEqual(['SUBSCRIBED', 'RESCIND', 'SUBSCRIBED', 'HEARTBEAT']);
      await framework.send({ type: 'REVIVE' });
      const id = { value: 'F' };
      const subscribe = { framework_info: frameworkInfo, suppressed_roles: ['*'] };
      expect(calls).toEqual([
        { master: 'a', streamId: null, call: { type: 'SUBSCRIBE', subscribe } },
        {
          master: 'a',
          streamId: null,
          call: {
            type: 'SUBSCRIBE',
            framework_id: id,
            subscribe: { ...subscribe, framework_info: { ...frameworkInfo, id } },
          },
        },
        { master: 'a', streamId: 'a-2', call: { type: 'REVIVE', framework_id: id } },
      ]);
      expect(framework.frameworkId).toEqual(id);
      expect(slept).toEqual([FIRST_PAUSE_MS]);
    },
  );

  it('subscribes under the id that it is given', async () => {
    master('a', openStream(subscribed('mine')));
    await using framework = link(['a'], { frameworkInfo: { ...frameworkInfo, id: { value: 'mine' } } });
    await take(framework, 1);
    expect(calls[0]?.call.framework_id).toEqual({ value: 'mine' });
  });

  it('goes to the next master without a pause, and follows redirects to the leader', async () => {
    master('a', () => HttpResponse.error() as Response);
    master('b', redirecting('//c'));
    master('c', openStream(subscribed()));
    await using framework = link(['a', 'b']);
    expect(await take(framework, 1)).toEqual(['SUBSCRIBED']);
    await framework.send({ type: 'REVIVE' });
    expect(calls.map(({ master: name }) => name)).toEqual(['a', 'b', 'c', 'c']);
    expect(slept).toEqual([]);
  });

  it('pauses after it has tried all masters, and says what each said', async () => {
    master('a', refusing(503, 'not recovered'));
    master('b', refusing(404), openStream(subscribed()));
    const problems: string[] = [];
    await using framework = link(['a', 'b'], { onDisconnected: ({ message }) => void problems.push(message) });
    expect(await take(framework, 1)).toEqual(['SUBSCRIBED']);
    expect(subscriptions()).toEqual(['a', 'b', 'a', 'b']);
    expect(slept).toEqual([FIRST_PAUSE_MS]);
    const each = `${urlOf('a')} refused with status 503: not recovered; ${urlOf('b')} refused with status 404`;
    expect(problems).toEqual([`None of 2 masters took the subscription: ${each}`]);
  });

  it('tries all masters after it has lost one, beginning with the next', async () => {
    master('a', endedStream(subscribed()), refusing(503));
    master('b', refusing(503), openStream(subscribed()));
    await using framework = link(['a', 'b']);
    expect(await take(framework, 2)).toEqual(['SUBSCRIBED', 'SUBSCRIBED']);
    expect(subscriptions()).toEqual(['a', 'b', 'a', 'b']);
    expect(slept).toEqual([100, 200]);
  });

  it.each<[string, Stream | (() => Response), number]>([
    ['a master that is not there', () => HttpResponse.error() as Response, 1],
    ['a master that has not recovered', refusing(503, 'Master has not finished recovery'), 1],
    ['a master without its API', refusing(404), 1],
    ['a master that knows no leader', refusing(307), 1],
    ['redirects in a circle', redirecting('//a'), 6],
    ['a stream that ends at once', endedStream(), 1],
    ['a stream that begins with another event', endedStream(rescind), 1],
    ['a stream that is no RecordIO', openStream(Buffer.from('x')), 1],
  ])('tries again, with growing pauses, after %s', async (_, answer, requestCount) => {
    master('a', ...Array.from({ length: 4 * requestCount }, () => answer), openStream(subscribed()));
    const problems: string[] = [];
    await using framework = link(['a'], { onDisconnected: (error) => void problems.push(error.message) });
    expect(await take(framework, 1)).toEqual(['SUBSCRIBED']);
    expect(slept).toEqual([100, 200, 400, 400]);
    expect(problems).toEqual(Array.from({ length: 4 }, () => expect.stringContaining(urlOf('a'))));
  });

  it.each<[string, Buffer | SchedulerEvent, string]>([
    ['bad length', Buffer.from('12a\n'), 'Expected a record length in decimal digits, got "12a"'],
    ['bad JSON', encodeRecord(Buffer.from('{"type":')), 'Failed to parse body into JSON'],
    [
      'an event of another type',
      encodeRecord(Buffer.from('{"offers":7}')),
      'Failed to convert JSON into Event protobuf',
    ],
    ['a record beyond the bound', Buffer.from('2000\n'), 'Expected a record of at most 1000 bytes, got 2000'],
  ])('drops a stream with %s and subscribes again', async (_, bytes, why) => {
    master('a', openStream(subscribed(), bytes), openStream(subscribed()));
    const problems: string[] = [];
    await using framework = link(['a'], {
      contentType: JSON_TYPE,
      recordBytesMax: 1_000,
      onDisconnected: ({ message }) => void problems.push(message),
    });
    expect(await take(framework, 2)).toEqual(['SUBSCRIBED', 'SUBSCRIBED']);
    expect(problems).toEqual([expect.stringContaining(`Lost the event stream of ${urlOf('a')}: ${why}`)]);
  });

  it('takes a stream that is silent for five heartbeats for lost', async () => {
    master('a', openStream(subscribed('F', 0.002)), openStream(subscribed()));
    const problems: string[] = [];
    await using framework = link(['a'], { onDisconnected: ({ message }) => void problems.push(message) });
    expect(await take(framework, 2)).toEqual(['SUBSCRIBED', 'SUBSCRIBED']);
    expect(problems).toEqual([`Lost the event stream of ${urlOf('a')}: nothing came for 10 ms`]);
  });

  it('pauses as at first after a stream that lasted', async () => {
    let nowMs = 0;
    const clock = {
      now: () => (nowMs += 1_000),
      sleep: async (ms: number): Promise<void> => void slept.push(Math.round(ms)),
    };
    master('a', endedStream(subscribed()), endedStream(subscribed()), openStream(subscribed()));
    await using framework = link(['a'], { clock });
    await take(framework, 3);
    expect(slept).toEqual([FIRST_PAUSE_MS, FIRST_PAUSE_MS]);
  });

  it('pauses for longer after a stream that did not last', async () => {
    master('a', endedStream(subscribed()), endedStream(subscribed()), openStream(subscribed()));
    await using framework = link(['a']);
    await take(framework, 3);
    expect(slept).toEqual([100, 200]);
  });
});

describe('a link ends', () => {
  it('with what the ERROR event says, and does not subscribe again', async () => {
    master('a', openStream(subscribed(), failedOver));
    await using framework = link(['a', 'b']);
    await expect(take(framework, 9)).rejects.toThrow(new SubscriptionRefusedError(urlOf('a'), 'Framework failed over'));
    expect(subscriptions()).toEqual(['a']);
  });

  it.each([400, 401, 403, 406, 415])('when a subscription is refused with %i', async (status) => {
    master('a', refusing(status, 'no'));
    await using framework = link(['a', 'b']);
    await expect(take(framework, 1)).rejects.toThrow(`${urlOf('a')} refused with status ${status}: no`);
    expect(subscriptions()).toEqual(['a']);
  });

  it.each<[string, Stream | (() => Response | Promise<never>)]>([
    ['while it waits for events', openStream(subscribed())],
    ['while it waits for an answer', async () => await new Promise<never>(() => undefined)],
    ['while it waits for SUBSCRIBED', openStream()],
  ])('when it is told to, %s', async (_, answer) => {
    master('a', answer as Stream);
    const stopping = new AbortController();
    await using framework = link(['a']);
    const ended = (async () => {
      for await (const event of framework.events({ signal: stopping.signal })) expect(event.type).toBe('SUBSCRIBED');
    })();
    await waitUntil(() => calls.length === 1, { what: 'the subscription' });
    stopping.abort();
    await ended;
    expect(slept).toEqual([]);
  });

  it('when it is told to, and has its stream for a last call', async () => {
    master('a', openStream(subscribed()));
    const stopping = new AbortController();
    await using framework = link(['a']);
    for await (const event of framework.events({ signal: stopping.signal })) {
      expect(event.type).toBe('SUBSCRIBED');
      stopping.abort();
    }
    await framework.send({ type: 'TEARDOWN' });
    expect(calls.at(-1)).toMatchObject({ streamId: 'a-1', call: { type: 'TEARDOWN' } });
    await framework.close();
    await framework.close();
    await expect(framework.send({ type: 'REVIVE' })).rejects.toThrow(NotSubscribedError);
  });

  it('when it is closed', async () => {
    master('a', openStream(subscribed()));
    const framework = link(['a']);
    for await (const event of framework.events()) {
      expect(event.type).toBe('SUBSCRIBED');
      await framework.close();
    }
    expect(slept).toEqual([]);
  });
});

describe('a call', () => {
  it('needs a stream', async () => {
    await using framework = link(['a', 'b']);
    await expect(framework.send({ type: 'REVIVE' })).rejects.toThrow(
      new NotSubscribedError('Expected to be subscribed before REVIVE is sent, there is no stream of a, b'),
    );
  });

  it.each<[string, () => Response, typeof PeerRefusedError | typeof PeerUnreachableError]>([
    ['does not reach the master', () => HttpResponse.error() as Response, PeerUnreachableError],
    ['reaches a master that knows no such stream', refusing(403, 'Framework is not subscribed'), PeerRefusedError],
    ['reaches a master that is not ready', refusing(503), PeerRefusedError],
  ])('that %s ends the stream, so that all begins anew', async (_, response, kind) => {
    master('a', openStream(subscribed()));
    await using framework = link(['a']);
    const types: (string | undefined)[] = [];
    for await (const event of framework.events()) {
      types.push(event.type);
      if (types.length === 2) break;
      server.use(http.post(urlOf('a'), response, { once: true }));
      await expect(framework.send({ type: 'REVIVE' })).rejects.toThrow(kind);
    }
    expect(types).toEqual(['SUBSCRIBED', 'SUBSCRIBED']);
  });

  it('on a stream that is not the current one is refused, and the stream tells why', async () => {
    const text = "The stream ID 'a-1' included in this request didn't match the stream ID currently associated with F";
    master('a', openStream(subscribed(), failedOver));
    await using framework = link(['a']);
    const reading = (async () => {
      for await (const event of framework.events()) {
        expect(event.type).toBe('SUBSCRIBED');
        server.use(http.post(urlOf('a'), refusing(400, text), { once: true }));
        await expect(framework.send({ type: 'REVIVE' })).rejects.toMatchObject({ status: 400, body: text });
      }
    })();
    await expect(reading).rejects.toMatchObject({ reason: 'Framework failed over' });
  });
});
