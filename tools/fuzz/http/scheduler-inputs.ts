/** The scheduler API: what it refuses, in its words, and what it takes. */
import fc from 'fast-check';
import { schedulerCallType, type SchedulerCall } from '@drydock/mesos';
import { apiInputs } from './api-inputs.ts';
import { request, type FuzzInput } from './request.ts';

/** Subscribed for the whole run. */
export const FRAMEWORK_ID = 'fuzz';
/** Changed messages go to this one, which may end by it. */
export const VICTIM_ID = 'victim';

const PATHS = ['/api/v1/scheduler', '/master/api/v1/scheduler'] as const;
const JSON_TYPE = { 'Content-Type': 'application/json' };

function callsOf(frameworkId: string): readonly SchedulerCall[] {
  const base = { framework_id: { value: frameworkId } };
  const task = {
    name: 'task',
    task_id: { value: 'task' },
    agent_id: { value: 'agent' },
    resources: [{ name: 'cpus', type: 'SCALAR' as const, scalar: { value: 1 } }],
    command: { value: 'true' },
  };
  const offer_ids = [{ value: 'no-offer' }];
  return [
    {
      ...base,
      type: 'ACCEPT',
      accept: { offer_ids, operations: [{ type: 'LAUNCH', launch: { task_infos: [task] } }], filters: {} },
    },
    { ...base, type: 'DECLINE', decline: { offer_ids, filters: { refuse_seconds: 1 } } },
    { ...base, type: 'REVIVE' },
    { ...base, type: 'SUPPRESS' },
    { ...base, type: 'KILL', kill: { task_id: { value: 'task' }, agent_id: { value: 'agent' } } },
    {
      ...base,
      type: 'ACKNOWLEDGE',
      acknowledge: { agent_id: { value: 'agent' }, task_id: { value: 'task' }, uuid: Buffer.alloc(16, 7) },
    },
    { ...base, type: 'RECONCILE', reconcile: { tasks: [{ task_id: { value: 'task' } }] } },
    {
      ...base,
      type: 'MESSAGE',
      message: { agent_id: { value: 'agent' }, executor_id: { value: 'executor' }, data: Buffer.from('data') },
    },
    { ...base, type: 'SHUTDOWN', shutdown: { agent_id: { value: 'agent' }, executor_id: { value: 'executor' } } },
  ];
}

const calls = PATHS.map((path) =>
  apiInputs<SchedulerCall>({
    server: 'master',
    path,
    type: schedulerCallType,
    headers: { 'Mesos-Stream-Id': '{stream}' },
    samples: callsOf(FRAMEWORK_ID),
    expected: { statuses: [202], text: '' },
    changed: {
      samples: callsOf(VICTIM_ID),
      headers: { 'Mesos-Stream-Id': '{victim-stream}' },
      expected: { statuses: [202, 400, 403, 501] },
    },
  }),
);

const BODIES = ['accept', 'decline', 'kill', 'shutdown', 'acknowledge', 'reconcile', 'message', 'request'] as const;

interface Refusal {
  readonly kind: string;
  readonly call: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly text: string | RegExp;
}

const info = { user: 'root', name: 'fuzz' };
const framework_id = { value: FRAMEWORK_ID };
const INVALID = 'Failed to validate scheduler::Call: ';

const REFUSALS: readonly Refusal[] = [
  { kind: 'no type', call: { framework_id }, status: 400, text: `${INVALID}Expecting 'type' to be present` },
  {
    kind: 'no framework',
    call: { type: 'REVIVE' },
    status: 400,
    text: `${INVALID}Expecting 'framework_id' to be present`,
  },
  ...BODIES.map((name) => ({
    kind: 'no body',
    call: { framework_id, type: name.toUpperCase() },
    status: 400,
    text: `${INVALID}Expecting '${name}' to be present`,
  })),
  { kind: 'no body', call: { type: 'SUBSCRIBE' }, status: 400, text: `${INVALID}Expecting 'subscribe' to be present` },
  {
    kind: 'two ids',
    call: {
      type: 'SUBSCRIBE',
      framework_id: { value: 'a' },
      subscribe: { framework_info: { ...info, id: { value: 'b' } } },
    },
    status: 400,
    text: `${INVALID}'framework_id' differs from 'subscribe.framework_info.id'`,
  },
  {
    kind: 'SUBSCRIBE with a stream',
    call: { type: 'SUBSCRIBE', subscribe: { framework_info: info } },
    headers: { 'Mesos-Stream-Id': 'x' },
    status: 400,
    text: "Subscribe calls should not include the 'Mesos-Stream-Id' header",
  },
  {
    kind: 'Accept',
    call: { type: 'SUBSCRIBE', subscribe: { framework_info: info } },
    headers: { Accept: 'text/html, image/*;q=0.5' },
    status: 406,
    text: "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
  },
  {
    kind: 'required field',
    call: { type: 'SUBSCRIBE', subscribe: { framework_info: { name: 'fuzz' } } },
    status: 400,
    text: /^Failed to convert JSON into Call protobuf: Missing required fields: /,
  },
  {
    kind: 'unknown framework',
    call: { type: 'REVIVE', framework_id: { value: 'nobody' } },
    headers: { 'Mesos-Stream-Id': 'x' },
    status: 400,
    text: 'Framework cannot be found',
  },
  {
    kind: 'no stream id',
    call: { type: 'REVIVE', framework_id },
    status: 400,
    text: "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
  },
];

const refusals = fc
  .tuple(fc.constantFrom(...REFUSALS), fc.constantFrom(...PATHS))
  .map(([{ kind, call, headers, status, text }, path]) => ({
    kind: `scheduler: ${kind}`,
    requests: [
      request({
        path,
        headers: { ...JSON_TYPE, ...headers },
        body: JSON.stringify(call),
        expected: { statuses: [status], text },
      }),
    ],
  }));

const wrongStream = fc.stringMatching(/^[\x21-\x7e]{1,60}$/).map((id) => ({
  kind: 'scheduler: wrong stream id',
  requests: [
    request({
      path: PATHS[0],
      headers: { ...JSON_TYPE, 'Mesos-Stream-Id': id },
      body: JSON.stringify({ type: 'REVIVE', framework_id }),
      expected: {
        statuses: [400],
        text: /^The stream ID '.*' included in this request didn't match the stream ID currently associated with framework ID fuzz$/,
      },
    }),
  ],
}));

export const schedulerInputs: fc.Arbitrary<FuzzInput> = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(...calls) },
  { weight: 3, arbitrary: refusals },
  { weight: 1, arbitrary: wrongStream },
);
