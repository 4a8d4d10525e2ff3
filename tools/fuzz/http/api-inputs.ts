/** Hostile requests to a v1 API: the rules of content types, encodings and framing hold for each of them. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { encode, toJson, type MessageType } from '@drydock/mesos';
import { mutatedBytes, mutatedJson } from './mutations.ts';
import { request, type Expected, type FuzzInput, type FuzzRequest, type RequestParts } from './request.ts';

/** One `POST` endpoint that takes messages of one type. */
export interface FuzzApi<Call extends object> {
  readonly server: FuzzRequest['server'];
  readonly path: string;
  readonly type: MessageType<Call>;
  readonly headers: Readonly<Record<string, string>>;
  readonly samples: readonly Call[];
  /** What the samples are answered with. */
  readonly expected: Expected;
  /** Messages that are sent changed, so that they may do anything. */
  readonly changed: {
    readonly samples: readonly Call[];
    readonly headers: Readonly<Record<string, string>>;
    readonly expected: Expected;
  };
}

type Make = (parts: Omit<RequestParts, 'path'>) => FuzzRequest;

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/x-protobuf';
const JSON_HEADERS = { 'Content-Type': JSON_TYPE };
const PROTOBUF_HEADERS = { 'Content-Type': PROTOBUF_TYPE };
const JSON_CUT = /^Failed to parse body into JSON: /;

function one(kind: string, made: fc.Arbitrary<FuzzRequest>): fc.Arbitrary<FuzzInput> {
  return made.map((only) => ({ kind, requests: [only] }));
}

export function apiInputs<Call extends object>(api: FuzzApi<Call>): fc.Arbitrary<FuzzInput> {
  const make: Make = (parts) =>
    request({ server: api.server, path: api.path, ...parts, headers: { ...api.headers, ...parts.headers } });
  const json = fc.constantFrom(...api.samples).map((call) => Buffer.from(encode(api.type, call, JSON_TYPE)));
  return fc.oneof(
    good(api, make),
    contentTypes(api.path, make, json),
    jsonBodies(api, make, json),
    protobufBodies(api, make),
    changed(api, make),
    encodings(api.path, make, json, api.expected),
    framing(api.path, make, json),
  );
}

function good<Call extends object>(api: FuzzApi<Call>, make: Make): fc.Arbitrary<FuzzInput> {
  const single = fc
    .tuple(fc.constantFrom(...api.samples), fc.constantFrom(JSON_TYPE, PROTOBUF_TYPE))
    .map(([call, type]) =>
      make({ headers: { 'Content-Type': type }, body: encode(api.type, call, type), expected: api.expected }),
    );
  return fc.oneof(
    one(`${api.path}: good`, single),
    fc.array(single, { minLength: 2, maxLength: 4 }).map((requests) => ({ kind: `${api.path}: pipelined`, requests })),
  );
}

function contentTypes(name: string, make: Make, body: fc.Arbitrary<Buffer>): fc.Arbitrary<FuzzInput> {
  return fc.oneof(
    one(
      `${name}: method`,
      fc.constantFrom('GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND').map((method) =>
        make({
          method,
          expected: { statuses: [405], text: `Expecting one of { 'POST' }, but received '${method}'` },
        }),
      ),
    ),
    one(
      `${name}: no content type`,
      body.map((bytes) =>
        make({ body: bytes, expected: { statuses: [400], text: "Expecting 'Content-Type' to be present" } }),
      ),
    ),
    one(
      `${name}: content type`,
      fc
        .tuple(body, fc.stringMatching(/^(text|application)\/[a-z+.]{1,12}$/))
        .filter(([, type]) => type !== JSON_TYPE)
        .map(([bytes, type]) =>
          make({
            headers: { 'Content-Type': type },
            body: bytes,
            expected: { statuses: [415], text: `Expecting 'Content-Type' of ${JSON_TYPE} or ${PROTOBUF_TYPE}` },
          }),
        ),
    ),
  );
}

function jsonBodies<Call extends object>(
  api: FuzzApi<Call>,
  make: Make,
  json: fc.Arbitrary<Buffer>,
): fc.Arbitrary<FuzzInput> {
  const refused = (body: Uint8Array | string, text: RegExp | string): FuzzRequest =>
    make({ headers: JSON_HEADERS, body, expected: { statuses: [400], text } });
  return fc.oneof(
    one(
      `${api.path}: JSON cut`,
      fc
        .tuple(json, fc.double({ min: 0, max: 0.999, noNaN: true }))
        .map(([body, part]) => refused(body.subarray(0, Math.floor(body.byteLength * part)), JSON_CUT)),
    ),
    one(
      `${api.path}: JSON of another kind`,
      fc
        .constantFrom('[1]', '"x"', '3', 'null', 'true', '[]')
        .map((body) => refused(body, 'Failed to convert JSON into Call protobuf: Expecting a JSON object')),
    ),
    one(
      `${api.path}: no UTF-8`,
      json.map((body) => refused(Buffer.concat([Buffer.from('{"\xff":1,', 'latin1'), body.subarray(1)]), JSON_CUT)),
    ),
    one(
      `${api.path}: JSON with unknown fields`,
      fc.tuple(json, fc.jsonValue({ maxDepth: 3 }), fc.integer({ min: 1, max: 5_000 })).map(([body, value, depth]) => {
        const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`;
        const rest = body.toString('utf8').slice(1);
        const more = `"unknown":${JSON.stringify(value)},"__proto__":{"type":1},"deep":${deep}`;
        return make({ headers: JSON_HEADERS, body: `{${more},${rest}`, expected: api.expected });
      }),
    ),
  );
}

function protobufBodies<Call extends object>(api: FuzzApi<Call>, make: Make): fc.Arbitrary<FuzzInput> {
  return one(
    `${api.path}: protobuf cut`,
    fc.constantFrom(...api.samples).map((call) =>
      make({
        headers: PROTOBUF_HEADERS,
        // A field that says that more follows.
        body: Buffer.concat([encode(api.type, call, PROTOBUF_TYPE), Buffer.from([0x0a, 0x7f])]),
        expected: { statuses: [400], text: 'Failed to parse body into Call protobuf' },
      }),
    ),
  );
}

function changed<Call extends object>(api: FuzzApi<Call>, make: Make): fc.Arbitrary<FuzzInput> {
  const { samples, headers, expected } = api.changed;
  const sample = fc.constantFrom(...samples);
  return fc.oneof(
    one(
      `${api.path}: JSON changed`,
      sample.chain((call) =>
        mutatedJson(toJson(api.type, call)).map((body) =>
          make({ headers: { ...headers, ...JSON_HEADERS }, body, expected }),
        ),
      ),
    ),
    one(
      `${api.path}: protobuf changed`,
      sample.chain((call) =>
        mutatedBytes(encode(api.type, call, PROTOBUF_TYPE)).map((body) =>
          make({ headers: { ...headers, ...PROTOBUF_HEADERS }, body, expected }),
        ),
      ),
    ),
  );
}

function encodings(name: string, make: Make, body: fc.Arbitrary<Buffer>, expected: Expected): fc.Arbitrary<FuzzInput> {
  const headers = (encoding: string): Record<string, string> => ({
    'Content-Type': JSON_TYPE,
    'Content-Encoding': encoding,
  });
  return fc.oneof(
    one(
      `${name}: gzip`,
      body.map((bytes) => make({ headers: headers('gzip'), body: gzipSync(bytes), expected })),
    ),
    one(
      `${name}: other encoding`,
      fc.tuple(body, fc.constantFrom('br', 'deflate', 'zstd', 'gzip, br', 'chunked')).map(([bytes, encoding]) =>
        make({
          headers: headers(encoding),
          body: brotliCompressSync(bytes),
          expected: {
            statuses: [415],
            text: `Expecting 'Content-Encoding' of gzip or identity, but received '${encoding}'`,
          },
        }),
      ),
    ),
    one(
      `${name}: no gzip`,
      fc.uint8Array({ maxLength: 64 }).map((bytes) =>
        make({
          headers: headers('gzip'),
          body: bytes,
          expected: { statuses: [400], text: /^Failed to decompress the body: / },
        }),
      ),
    ),
  );
}

/** After each of these the connection ends. */
function framing(name: string, make: Make, body: fc.Arbitrary<Buffer>): fc.Arbitrary<FuzzInput> {
  return fc.oneof(
    one(
      `${name}: too long`,
      fc.integer({ min: 16 * 1024 * 1024 + 1, max: 2 ** 40 }).map((length) =>
        make({
          headers: { ...JSON_HEADERS, 'Content-Length': String(length) },
          expected: { statuses: [413], text: 'Expecting a body of at most 16777216 bytes' },
        }),
      ),
    ),
    one(
      `${name}: length`,
      fc
        .constantFrom('-1', '1e3', '0x10', '1, 2', '18446744073709551616', 'abc')
        .map((length) =>
          make({ headers: { ...JSON_HEADERS, 'Content-Length': length }, expected: { statuses: [400] } }),
        ),
    ),
    one(
      `${name}: chunk`,
      fc.constantFrom('zz\r\n', '-1\r\nx', '5\r\nabc\r\n0\r\n\r\n', 'ffffffffffffffffff\r\nx').map((chunks) =>
        make({
          headers: { ...JSON_HEADERS, 'Transfer-Encoding': 'chunked' },
          body: chunks,
          expected: { statuses: [400] },
        }),
      ),
    ),
    one(
      `${name}: headers too long`,
      fc
        .integer({ min: 16_384, max: 40_000 })
        .map((length) => make({ headers: { 'X-Long': 'x'.repeat(length) }, expected: { statuses: [431] } })),
    ),
    one(
      `${name}: broken off`,
      fc.tuple(body, fc.nat(400)).map(([bytes, cutAt]) => ({
        ...make({ headers: JSON_HEADERS, body: bytes, expected: { statuses: [] } }),
        cutAt,
      })),
    ),
  );
}
