import { HttpResponse, http } from 'msw/http';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decode, encode } from '../codec/codec.ts';
import { encodeRecord } from '../codec/record-io.ts';
import { schedulerCallType, schedulerEventType } from '../codec/schema.ts';
import { PeerRefusedError, PeerUnreachableError, StreamLostError } from '../http/record-client.ts';
import type { SchedulerCall, SchedulerEvent } from './messages.ts';
import { SubscriptionRefusedError, schedulerUrl, subscribe, type SchedulerSubscription } from './scheduler-client.ts';

const MASTER = 'master.test:5050';
const URL_OF_MASTER = `http://${MASTER}/api/v1/scheduler`;
const frameworkInfo = { user: 'root', name: 'test' };
const heartbeat: SchedulerEvent = { type: 'HEARTBEAT' };
const rescind: SchedulerEvent = { type: 'RESCIND', rescind: { offer_id: { value: 'O' } } };

const subscribed = (seconds = 15): SchedulerEvent => ({
  type: 'SUBSCRIBED',
  subscribed: { framework_id: { value: 'F' }, heartbeat_interval_seconds: seconds },
});
const recordOf = (event: SchedulerEvent): Buffer =>
  encodeRecord(encode(schedulerEventType, event, 'application/x-protobuf'));

/** What comes after the last event. */
type StreamEnding = 'open' | 'close';

const streamOf = (parts: readonly Uint8Array[], ending: StreamEnding): HttpResponse<ReadableStream> =>
  new HttpResponse(
    new ReadableStream({
      start: (controller) => {
        for (const part of parts) controller.enqueue(part);
        if (ending === 'close') controller.close();
      },
    }),
    { headers: { 'Content-Type': 'application/x-protobuf', 'Mesos-Stream-Id': 'stream' } },
  );

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const connect = async (connectTimeoutMs = 1_000): Promise<SchedulerSubscription> =>
  await subscribe({ master: MASTER, frameworkInfo, connectTimeoutMs });
const answer = (parts: readonly Uint8Array[], ending: StreamEnding): void =>
  server.use(http.post(URL_OF_MASTER, () => streamOf(parts, ending)));
const eventsOf = async (subscription: SchedulerSubscription): Promise<SchedulerEvent[]> => {
  const events: SchedulerEvent[] = [];
  for await (const event of subscription.events()) events.push(event);
  return events;
};

describe('subscribe', () => {
  it('follows a redirect and sends its calls to where it led', async () => {
    const calls: [string, string | null, SchedulerCall][] = [];
    server.use(
      http.post(
        URL_OF_MASTER,
        () => new HttpResponse(null, { status: 307, headers: { Location: '//leader.test:5051' } }),
      ),
      http.post('http://leader.test:5051/api/v1/scheduler', async ({ request }) => {
        const call = decode(schedulerCallType, Buffer.from(await request.arrayBuffer()), 'application/x-protobuf');
        calls.push([request.url, request.headers.get('Mesos-Stream-Id'), call]);
        return call.type === 'SUBSCRIBE'
          ? streamOf([recordOf(subscribed())], 'open')
          : new HttpResponse(null, { status: 202 });
      }),
    );
    await using subscription = await connect();
    await subscription.send({ type: 'TEARDOWN' });
    const url = 'http://leader.test:5051/api/v1/scheduler';
    expect(calls).toEqual([
      [url, null, { type: 'SUBSCRIBE', subscribe: { framework_info: frameworkInfo } }],
      [url, 'stream', { type: 'TEARDOWN', framework_id: { value: 'F' } }],
    ]);
  });

  it('does not follow redirects for ever', async () => {
    let count = 0;
    server.use(
      http.post(URL_OF_MASTER, () => {
        count += 1;
        return new HttpResponse(null, { status: 307, headers: { Location: `//${MASTER}` } });
      }),
    );
    const why = `more than 5 redirects, the last one to ${URL_OF_MASTER}`;
    await expect(connect(1)).rejects.toThrow(`Failed to reach ${URL_OF_MASTER}: ${why}`);
    expect(count).toBe(6);
  });

  it.each(['file:///etc/passwd', 'http://[', 'data:,x'])('does not follow a redirect to %s', async (location) => {
    server.use(
      http.post(URL_OF_MASTER, () => new HttpResponse(null, { status: 307, headers: { Location: location } })),
    );
    const why = `expected a redirect to an HTTP address, got '${location}'`;
    await expect(connect(1)).rejects.toThrow(new PeerUnreachableError(URL_OF_MASTER, why));
  });

  it('tries a master again that has not recovered', async () => {
    let count = 0;
    server.use(
      http.post(URL_OF_MASTER, () => {
        count += 1;
        return count === 1 ? new HttpResponse('wait', { status: 503 }) : streamOf([recordOf(subscribed())], 'open');
      }),
    );
    await using subscription = await connect(5_000);
    expect(subscription.frameworkId).toEqual({ value: 'F' });
    expect(count).toBe(2);
  });

  it.each([
    [503, 'Master has not finished recovery'],
    [404, ''],
    [400, 'Failed to validate scheduler::Call: no'],
    [202, ''],
  ])('reports a master that goes on answering %i', async (status, body) => {
    server.use(http.post(URL_OF_MASTER, () => new HttpResponse(body, { status })));
    const failure = connect(1);
    await expect(failure).rejects.toThrow(PeerRefusedError);
    await expect(failure).rejects.toMatchObject({ status, body, url: URL_OF_MASTER });
    await expect(failure).rejects.toThrow(
      `${URL_OF_MASTER} refused with status ${status}${body === '' ? '' : `: ${body}`}`,
    );
  });

  it('keeps the beginning of a refusal that does not end', async () => {
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Buffer.alloc(1_000, 'x')),
    });
    server.use(http.post(URL_OF_MASTER, () => new HttpResponse(endless, { status: 400 })));
    await expect(connect(1_000)).rejects.toMatchObject({ status: 400, body: 'x'.repeat(4_096) });
  });

  it('reports a master that is not there', async () => {
    server.use(http.post(URL_OF_MASTER, () => HttpResponse.error()));
    await expect(connect(1)).rejects.toThrow(PeerUnreachableError);
  });

  it('reports a master that does not answer', async () => {
    server.use(http.post(URL_OF_MASTER, async () => await new Promise<never>(() => undefined)));
    await expect(connect(20)).rejects.toThrow(/^Failed to reach .*: no answer in \d+(\.\d+)? ms$/);
  });

  it('is refused when the first event is an ERROR', async () => {
    answer([recordOf({ type: 'ERROR', error: { message: 'Framework has been removed' } })], 'close');
    const failure = connect();
    await expect(failure).rejects.toThrow(new SubscriptionRefusedError(URL_OF_MASTER, 'Framework has been removed'));
    await expect(failure).rejects.toThrow(`${URL_OF_MASTER} refused the subscription: Framework has been removed`);
  });

  it.each<[string, SchedulerEvent[], string]>([
    ['another event', [heartbeat], 'expected SUBSCRIBED, got HEARTBEAT'],
    ['nothing', [], 'expected SUBSCRIBED, got the end of the stream'],
  ])('has lost its stream when the first event is %s', async (_, events, why) => {
    answer(events.map(recordOf), 'close');
    await expect(connect()).rejects.toThrow(new StreamLostError(`Lost the event stream of ${URL_OF_MASTER}: ${why}`));
  });

  it('gives up when its signal aborts', async () => {
    server.use(http.post(URL_OF_MASTER, async () => await new Promise<never>(() => undefined)));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(subscribe({ master: MASTER, frameworkInfo, signal })).rejects.toThrow('enough');
  });

  it.each([
    ['h:1', 'http://h:1/api/v1/scheduler'],
    ['http://h:1/master/', 'http://h:1/master/api/v1/scheduler'],
    ['https://h', 'https://h/api/v1/scheduler'],
  ])('looks for the API of %s at %s', (master, url) => {
    expect(schedulerUrl(master)).toBe(url);
  });
});

describe('a subscription', () => {
  it('gives the events in order, without heartbeats, until the stream ends', async () => {
    const bytes = Buffer.concat([subscribed(), heartbeat, rescind, heartbeat, rescind].map(recordOf));
    answer([bytes.subarray(0, 9), bytes.subarray(9)], 'close');
    await using subscription = await connect();
    expect(await eventsOf(subscription)).toEqual([rescind, rescind]);
  });

  it.each<[string, Uint8Array[], StreamEnding, RegExp]>([
    ['ends inside a record', [recordOf(rescind).subarray(0, 5)], 'close', /the stream ended inside one$/],
    ['is no RecordIO', [Buffer.from('{}')], 'open', /Expected a record length in decimal digits/],
    ['has a record that is no event', [encodeRecord(Buffer.from([0xff]))], 'open', /Failed to parse body into Event/],
  ])('is lost when the stream %s', async (_, parts, ending, why) => {
    answer([recordOf(subscribed()), ...parts], ending);
    await using subscription = await connect();
    const events = eventsOf(subscription);
    await expect(events).rejects.toThrow(StreamLostError);
    await expect(events).rejects.toThrow(why);
  });

  it('is lost when a record is longer than its bound', async () => {
    answer([recordOf(subscribed()), Buffer.from('1001\n')], 'open');
    await using subscription = await subscribe({ master: MASTER, frameworkInfo, recordBytesMax: 1_000 });
    const why = `Lost the event stream of ${URL_OF_MASTER}: Expected a record of at most 1000 bytes, got 1001`;
    await expect(eventsOf(subscription)).rejects.toThrow(new StreamLostError(why));
  });

  it('is lost when five heartbeats are missed', async () => {
    answer([recordOf(subscribed(0.002))], 'open');
    await using subscription = await connect();
    await expect(eventsOf(subscription)).rejects.toThrow(/nothing came for 10 ms$/);
  });

  it('ends its events when it is closed', async () => {
    answer([recordOf(subscribed())], 'open');
    const subscription = await connect();
    const events = eventsOf(subscription);
    await subscription.close();
    expect(await events).toEqual([]);
  });

  it.each([
    [200, ''],
    [400, "The stream ID 'stream' included in this request didn't match the stream ID currently associated with F"],
    [403, 'Framework is not subscribed'],
    [501, ''],
  ])('reports a call that is answered with %i', async (status, body) => {
    answer([recordOf(subscribed())], 'open');
    await using subscription = await connect();
    server.use(http.post(URL_OF_MASTER, () => new HttpResponse(body, { status })));
    const failure = subscription.send({ type: 'REVIVE' });
    await expect(failure).rejects.toThrow(PeerRefusedError);
    await expect(failure).rejects.toMatchObject({ status, body, url: URL_OF_MASTER });
  });
});
