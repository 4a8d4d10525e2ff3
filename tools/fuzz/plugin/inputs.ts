/** What `npm run fuzz -- plugin` feeds: requests for its server, replies for its client. */
import { clientNames, type ClientName } from '@drydock/volume-plugin';
import fc from 'fast-check';

export interface ServerInput {
  readonly to: 'server';
  /** Written one after the other. */
  readonly pieces: readonly string[];
  /** How the connection ends once all is written. */
  readonly end: 'half-close' | 'destroy';
}

export const clientCalls = ['activate', 'create', 'mount', 'unmount', 'path', 'get', 'list', 'capabilities'] as const;

export interface ClientInput {
  readonly to: 'client';
  readonly client: ClientName;
  readonly call: (typeof clientCalls)[number];
  readonly reply: string;
  readonly pieceBytes: number;
  /** Otherwise the plugin says no more and does not hang up either. */
  readonly isEnded: boolean;
}

/** Texts are bytes: each character stands for one. */
export type PluginInput = ServerInput | ClientInput;

const long = fc.integer({ min: 0, max: 100_000 }).map((length) => 'x'.repeat(length));
const junk = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
  maxLength: 60,
});
const token = fc.constantFrom(
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  '\\',
  '\\u12',
  'null',
  'true',
  '0',
  '-1.5e9',
  ' ',
  '\xEF\xBB\xBF',
  '"Name"',
  '"v"',
  '"Err"',
  '"Mountpoint"',
  '"Volume"',
  '"Opts"',
);
const jsonLike = fc.array(token, { maxLength: 30 }).map((parts) => parts.join(''));
const deep = fc.integer({ min: 1, max: 30_000 }).map((depth) => '{"a":['.repeat(depth));
const json = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '{"Name":"v"}',
      '{"Name":"v","Opts":{"a":"b"}}',
      '{"Name":"v","Opts":null,"ID":"1"}',
      '{}',
      'null',
      '[]',
      '',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"Mountpoint":"/m"}',
      '{"Volume":{"Name":"v"}}',
      '{"Volumes":[{"Name":"v"},null]}',
      '{"Err":"no"}',
      '{"Implements":["VolumeDriver"]}',
    ),
  },
  { weight: 3, arbitrary: jsonLike },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: junk },
);
const body = fc.oneof({ weight: 30, arbitrary: json }, { weight: 1, arbitrary: long }, { weight: 1, arbitrary: deep });

/** The body as it goes on the wire, with the headers that announce it rightly or wrongly. */
const framed = fc
  .tuple(body, fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 300 }))
  .map(([text, form, number]) => {
    const chunks = `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    switch (form) {
      case 0:
        return { headers: [], text };
      case 1:
        return { headers: [`Content-Length: ${number}`], text };
      case 2:
        return { headers: ['Content-Length: -1'], text };
      case 3:
        return { headers: [`Content-Length: ${text.length}`, `Content-Length: ${number}`], text };
      case 4:
        return { headers: ['Content-Length: 99999999999999999999'], text };
      case 5:
        return { headers: ['Transfer-Encoding: chunked'], text: chunks };
      case 6:
        return { headers: ['Transfer-Encoding: chunked', `Content-Length: ${number}`], text: chunks };
      case 7:
        return { headers: ['Transfer-Encoding: chunked'], text: `${number.toString(16)};x=${text}\r\n${text}` };
      case 8:
        return { headers: ['Transfer-Encoding: gzip, chunked', 'Content-Encoding: gzip'], text: chunks };
      default:
        return { headers: [`Content-Length: ${text.length}`], text };
    }
  });

const header = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      'Host: ',
      'Host: x',
      'User-Agent: Go-http-client/1.1',
      'Accept: */*',
      'Content-Type: application/json',
      'Connection: close',
      'Connection: keep-alive',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Expect: 100-continue',
      'Expect: x',
      'Content-Encoding: gzip',
      'Transfer-Encoding: identity',
      ' folded',
      'no colon',
      ': no name',
      'a\0b: c',
      'X: \x7F\x01',
    ),
  },
  { weight: 2, arbitrary: junk.map((text) => `X-Junk: ${text}`) },
  { weight: 1, arbitrary: long.map((text) => `X-Long: ${text}`) },
);
const headers = fc.oneof(
  { weight: 3, arbitrary: fc.constant(['Host: ', 'User-Agent: Go-http-client/1.1']) },
  { weight: 1, arbitrary: fc.array(header, { maxLength: 4 }) },
);
const lineEnd = fc.integer({ min: 0, max: 29 }).map((chance) => (chance === 0 ? '\n' : chance === 1 ? '\r' : '\r\n'));

const method = fc.oneof(
  { weight: 20, arbitrary: fc.constant('POST') },
  { weight: 2, arbitrary: fc.constantFrom('GET', 'PUT', 'HEAD', 'CONNECT', 'OPTIONS', 'PRI', 'post', '', 'P OST') },
  { weight: 1, arbitrary: junk },
);
const calls = [
  'Plugin.Activate',
  'VolumeDriver.Create',
  'VolumeDriver.Remove',
  'VolumeDriver.Mount',
  'VolumeDriver.Unmount',
  'VolumeDriver.Path',
  'VolumeDriver.Get',
  'VolumeDriver.List',
  'VolumeDriver.Capabilities',
];
const path = fc.oneof(
  { weight: 25, arbitrary: fc.constantFrom(...calls).map((call) => `/${call}`) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '/',
      '*',
      '//',
      '/VolumeDriver.Nope',
      '/VolumeDriver.Mount/',
      '/VolumeDriver.Mount?x=1',
      '/../VolumeDriver.Mount',
      '/%56olumeDriver.Mount',
      'http://h/VolumeDriver.Mount',
      '/__proto__',
      '',
    ),
  },
  { weight: 1, arbitrary: junk },
  { weight: 1, arbitrary: long.map((text) => `/${text}`) },
);
const version = fc.oneof(
  { weight: 30, arbitrary: fc.constant('HTTP/1.1') },
  { weight: 1, arbitrary: fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'http/1.1', '') },
);

const request = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(method, path, version, headers, framed, lineEnd)
      .map(([verb, where, protocol, more, frame, end]) =>
        [`${verb} ${where} ${protocol}`, ...more, ...frame.headers, '', frame.text].join(end),
      ),
  },
  { weight: 1, arbitrary: junk },
);

/** The text up to a point, or all of it. */
const truncated = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(text, fc.integer({ min: 0, max: 9 }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([whole, chance, share]) => (chance === 0 ? whole.slice(0, Math.floor(whole.length * share)) : whole));

const pipelined = fc.oneof(
  { weight: 20, arbitrary: fc.array(truncated(request), { minLength: 1, maxLength: 4 }) },
  // More at once than a connection may have waiting.
  {
    weight: 1,
    arbitrary: fc
      .tuple(request, fc.integer({ min: 60, max: 200 }))
      .map(([one, count]) => [one.length > 2_000 ? one : one.repeat(count)]),
  },
);

const serverInput: fc.Arbitrary<ServerInput> = fc.record({
  to: fc.constant('server' as const),
  pieces: pipelined,
  end: fc.oneof(
    { weight: 9, arbitrary: fc.constant('half-close' as const) },
    { weight: 1, arbitrary: fc.constant('destroy' as const) },
  ),
});

const statusLine = fc.oneof(
  { weight: 20, arbitrary: fc.constant('HTTP/1.1 200 OK') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'HTTP/1.1 201 Created',
      'HTTP/1.1 204 No Content',
      'HTTP/1.1 304 X',
      'HTTP/1.1 404 Not Found',
      'HTTP/1.1 500 X',
      'HTTP/1.0 200 OK',
      'HTTP/1.1 100 Continue',
      'HTTP/1.1 101 X',
      'HTTP/1.1 200',
      'HTTP/2 200',
      'HTTP/1.1 99999',
      'ICY 200 OK',
      '',
    ),
  },
  { weight: 1, arbitrary: junk },
);
const reply = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(statusLine, headers, framed, lineEnd)
      .map(([status, more, frame, end]) => [status, ...more, ...frame.headers, '', frame.text].join(end)),
  },
  { weight: 1, arbitrary: junk },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 40 }), body)
      .map(
        ([count, text]) =>
          `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(count)}HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
      ),
  },
);

const clientInput: fc.Arbitrary<ClientInput> = fc.record({
  to: fc.constant('client' as const),
  client: fc.constantFrom(...clientNames),
  call: fc.constantFrom(...clientCalls),
  reply: truncated(reply),
  pieceBytes: fc.constantFrom(1, 7, 4_096, 1_000_000),
  isEnded: fc.integer({ min: 0, max: 199 }).map((chance) => chance !== 0),
});

export const pluginInputs: fc.Arbitrary<PluginInput> = fc.oneof(serverInput, clientInput);
