/** The operator APIs of master and agent: what they refuse, in their words, and what they take. */
import fc from 'fast-check';
import { agentCallType, decode, masterCallType, type AgentCall, type MasterCall } from '@drydock/mesos';
import { apiInputs } from './api-inputs.ts';
import { request, type FuzzInput, type FuzzRequest } from './request.ts';

const SECOND = { nanoseconds: 1_000_000_000 };

const COMMON = [
  { type: 'GET_HEALTH' },
  { type: 'GET_FLAGS' },
  { type: 'GET_VERSION' },
  { type: 'GET_METRICS', get_metrics: { timeout: SECOND } },
  { type: 'GET_LOGGING_LEVEL' },
  { type: 'SET_LOGGING_LEVEL', set_logging_level: { level: 0, duration: SECOND } },
  { type: 'GET_STATE' },
  { type: 'GET_FRAMEWORKS' },
  { type: 'GET_EXECUTORS' },
  { type: 'GET_TASKS' },
  { type: 'GET_OPERATIONS' },
] as const;

const MASTER: readonly MasterCall[] = [
  ...COMMON,
  { type: 'GET_AGENTS' },
  { type: 'GET_ROLES' },
  { type: 'GET_MASTER' },
  { type: 'GET_WEIGHTS' },
  { type: 'GET_QUOTA' },
  { type: 'GET_MAINTENANCE_STATUS' },
  { type: 'GET_MAINTENANCE_SCHEDULE' },
];

const AGENT: readonly AgentCall[] = [
  ...COMMON,
  { type: 'GET_AGENT' },
  { type: 'GET_CONTAINERS', get_containers: { show_nested: true } },
  { type: 'GET_RESOURCE_PROVIDERS' },
];

/** These are refused as they are. */
const FILES = [
  { type: 'LIST_FILES', list_files: { path: '/../etc' } },
  { type: 'READ_FILE', read_file: { path: '/etc/passwd', offset: 0, length: 10 } },
] as const;

const CHANGED = { headers: {}, expected: { statuses: [200, 400, 404, 501] } };
const GOOD = { headers: {}, expected: { statuses: [200] } };

const calls = fc.oneof(
  apiInputs<MasterCall>({
    ...GOOD,
    server: 'master',
    path: '/master/api/v1',
    type: masterCallType,
    samples: MASTER,
    changed: {
      ...CHANGED,
      samples: [...MASTER, ...FILES, { type: 'TEARDOWN', teardown: { framework_id: { value: 'nobody' } } }],
    },
  }).filter(({ requests }) => !requests.some(opensStream)),
  apiInputs<AgentCall>({
    ...GOOD,
    server: 'agent',
    path: '/slave(1)/api/v1',
    type: agentCallType,
    samples: AGENT,
    changed: { ...CHANGED, samples: [...AGENT, ...FILES] },
  }),
);

/** A changed call may have become one that is answered for ever. */
function opensStream({ headers, body }: FuzzRequest): boolean {
  const contentType = headers.find(([name]) => name === 'Content-Type')?.[1];
  if (contentType !== 'application/json' && contentType !== 'application/x-protobuf') return false;
  try {
    return decode(masterCallType, body, contentType).type === 'SUBSCRIBE';
  } catch {
    // What is no call is refused.
    return false;
  }
}

const refusals: fc.Arbitrary<FuzzInput> = fc
  .tuple(
    fc.constantFrom<FuzzRequest['server']>('master', 'agent'),
    fc.constantFrom('read_file', 'list_files', 'get_metrics', 'set_logging_level'),
    fc.string({ maxLength: 200 }),
  )
  .map(([server, body, type]) => {
    const isMissing = type.length % 2 === 0;
    const text = isMissing ? `Expecting '${body}' to be present` : "Expecting 'type' to be present";
    const call = { type: isMissing ? body.toUpperCase() : `no ${type}` };
    const only = request({
      server,
      path: '/api/v1',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(call),
      expected: { statuses: [400], text: `Failed to validate ${server}::Call: ${text}` },
    });
    return { kind: 'operator: incomplete', requests: [only] };
  });

/** Escapes, links of the machine and worse, as the path of a file. */
const paths: fc.Arbitrary<FuzzInput> = fc
  .tuple(
    fc.constantFrom<FuzzRequest['server']>('master', 'agent'),
    fc.array(fc.constantFrom('..', '.', '', 'etc', 'passwd', '%2e%2e', '\0', '\\', 'slaves', 'latest'), {
      maxLength: 8,
    }),
    fc.constantFrom('LIST_FILES', 'READ_FILE'),
    fc.integer({ min: 0, max: 2 ** 53 - 1 }),
  )
  .map(([server, parts, type, offset]) => {
    const path = `/${parts.join('/')}`;
    const body = type === 'LIST_FILES' ? { list_files: { path } } : { read_file: { path, offset } };
    const only = request({
      server,
      path: '/api/v1',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ type, ...body }),
      expected: { statuses: [404], text: '' },
    });
    return { kind: 'operator: files', requests: [only] };
  });

export const operatorInputs: fc.Arbitrary<FuzzInput> = fc.oneof(
  { weight: 4, arbitrary: calls },
  { weight: 1, arbitrary: refusals },
  { weight: 1, arbitrary: paths },
);
