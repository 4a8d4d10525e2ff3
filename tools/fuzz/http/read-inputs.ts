/** Endpoints that are read: paths, queries, callbacks, files. */
import fc from 'fast-check';
import { request, type FuzzInput, type FuzzRequest } from './request.ts';

const SERVERS = ['master', 'agent'] as const;
const PREFIXES = { master: '/master', agent: '/slave(1)' } as const;
const ENDPOINTS = ['/state', '/flags', '/version', '/metrics/snapshot', '/health', '/files/debug'] as const;

const server = fc.constantFrom(...SERVERS);

function get(parts: {
  server: FuzzRequest['server'];
  path: string;
  statuses: readonly number[];
  text?: RegExp | string;
}): FuzzRequest {
  const { statuses, text } = parts;
  return request({
    server: parts.server,
    method: 'GET',
    path: parts.path,
    expected: text === undefined ? { statuses } : { statuses, text },
  });
}

function one(kind: string, made: fc.Arbitrary<FuzzRequest>): fc.Arbitrary<FuzzInput> {
  return made.map((only) => ({ kind, requests: [only] }));
}

/** Any bytes, as a request target can carry them. */
const escaped = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));

const segments = fc.array(
  fc.constantFrom('..', '.', '', 'state', 'api', 'v1', '%2e%2e', '%2F', 'etc', 'passwd', '__proto__', 'constructor'),
  {
    minLength: 1,
    maxLength: 8,
  },
);

const files = fc.oneof(
  escaped.map((text) => `/${text}`),
  segments.map((parts) => `/${parts.join('/')}`),
  fc.constantFrom('/etc/passwd', '/proc/self/environ', '//etc/shadow', '%2Fetc%2Fpasswd', '/slaves/../../etc/passwd'),
);

export const readInputs: fc.Arbitrary<FuzzInput> = fc.oneof(
  one(
    'read: good',
    fc
      .tuple(server, fc.constantFrom(...ENDPOINTS), fc.boolean(), escaped)
      .map(([on, endpoint, isPrefixed, query]) =>
        get({ server: on, path: `${isPrefixed ? PREFIXES[on] : ''}${endpoint}?${query}=${query}`, statuses: [200] }),
      ),
  ),
  one(
    'read: unknown path',
    fc
      .tuple(server, segments)
      .map(([on, parts]) => [on, `/nothing/${parts.join('/')}`] as const)
      .map(([on, path]) => get({ server: on, path, statuses: [404], text: '' })),
  ),
  one(
    'read: malformed escape',
    fc
      .tuple(server, fc.constantFrom('%', '%z', '%zz', '%c3%28', '%ff', '%u0041', '%e0%80'))
      .map(([on, escape]) =>
        get({ server: on, path: `/state${escape}`, statuses: [400], text: 'Failed to decode the path of the URL' }),
      ),
  ),
  one(
    'read: callback',
    fc
      .tuple(server, fc.constantFrom('alert(1)', '<b>', 'a b', '', 'a;b', 'x'.repeat(129), '\u2028', '*/'))
      .map(([on, callback]) =>
        get({
          server: on,
          path: `/state?jsonp=${encodeURIComponent(callback)}`,
          statuses: [400],
          text: "Expecting 'jsonp' to be the name of a function",
        }),
      ),
  ),
  one(
    'read: files',
    fc
      .tuple(
        fc.constantFrom('browse', 'read', 'download'),
        files,
        fc.constantFrom('', '&offset=-1', '&offset=x', '&length=-5'),
      )
      .map(([what, path, more]) =>
        get({ server: 'agent', path: `/files/${what}?path=${path}${more}`, statuses: [400, 404] }),
      ),
  ),
  one(
    'no HTTP',
    fc.tuple(server, fc.uint8Array({ minLength: 1, maxLength: 200 })).map(([on, bytes]) => ({
      server: on,
      // A control character is the beginning of no method.
      head: `\u0001${Buffer.from(bytes).toString('latin1')}`,
      headers: [],
      body: Buffer.alloc(0),
      expected: { statuses: [400] },
    })),
  ),
);
