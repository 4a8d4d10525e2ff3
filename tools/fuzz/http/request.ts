/** A request of the fuzzer as data, so that a finding can be printed, and what has to come of it. */
export interface FuzzRequest {
  readonly server: 'master' | 'agent';
  readonly head: string;
  /** Names and values; `{NAME}` in a value stands for what is known only in the run, such as a stream id. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** Fewer bytes than the whole are sent, then the connection is reset: nothing is expected but that the server lives. */
  readonly cutAt?: number;
  readonly expected: Expected;
}

export interface Expected {
  readonly statuses: readonly number[];
  /** Of an answer that is not 2xx. */
  readonly text?: RegExp | string;
}

/** One input: requests that go out in one write. */
export interface FuzzInput {
  /** What is counted. */
  readonly kind: string;
  readonly requests: readonly FuzzRequest[];
}

export interface RequestParts {
  readonly server?: FuzzRequest['server'];
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | Uint8Array;
  readonly expected: Expected;
}

/** A request that is well formed; its length is told unless `headers` tell another. */
export function request(parts: RequestParts): FuzzRequest {
  const body = Buffer.from(parts.body ?? '');
  const given = Object.entries(parts.headers ?? {}).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const hasLength = given.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  return {
    server: parts.server ?? 'master',
    head: `${parts.method ?? 'POST'} ${parts.path} HTTP/1.1`,
    headers: [['Host', 'fuzz'], ...given, ...(hasLength ? [] : [['Content-Length', String(body.byteLength)] as const])],
    body,
    expected: parts.expected,
  };
}

/** The bytes on the wire; `known` has what placeholders stand for. */
export function bytesOf(
  { head, headers, body, cutAt }: FuzzRequest,
  known: Readonly<Record<string, string>> = {},
): Buffer {
  const fill = (value: string): string => value.replace(/\{([\w-]+)\}/g, (_, name: string) => known[name] ?? '');
  const lines = headers.map(([name, value]) => `${name}: ${fill(value)}\r\n`);
  const bytes = Buffer.concat([Buffer.from(`${head}\r\n${lines.join('')}\r\n`, 'latin1'), body]);
  return cutAt === undefined ? bytes : bytes.subarray(0, Math.min(cutAt, bytes.byteLength - 1));
}
