/**
 * Speaks Keystone v3 and Cinder v3. A token that is refused is fetched anew, once per call. Cinder knows no client
 * tokens, so a creation carries one as metadata, and whoever repeats it looks for that first.
 */
import type { CallOptions } from '../backing/volume-backing.ts';
import {
  BlockStoreRefusalError,
  unlessRefused,
  type BlockStoreClient,
  type BlockVolume,
} from './block-store-client.ts';
import { toFields, toText, type Fields } from './json-fields.ts';
import {
  requestRetrying,
  RetryableError,
  ServiceUnavailableError,
  type Answer,
  type RequestPorts,
  type RetrySchedule,
} from './retrying-request.ts';

export interface CinderClientOptions {
  readonly endpoint: string;
  /** This node's server id. */
  readonly node: string;
  /** Default `drydock`, all three. */
  readonly project?: string;
  readonly user?: string;
  readonly password?: string;
  readonly ports: RequestPorts;
  readonly schedule?: RetrySchedule;
}

/** The token is not, or no longer, taken. */
class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
}

const TOKEN_KEY = 'drydock-create-token';

export function createCinderClient(options: CinderClientOptions): BlockStoreClient {
  const session = new CinderSession(options);
  const list = async (query: string, to: CallOptions): Promise<readonly BlockVolume[]> => {
    const { volumes } = await session.call('GET', `volumes/detail${query}`, undefined, { ...to, reads: 'volumes' });
    return (volumes as readonly unknown[]).map(toBlockVolume); // by `reads`
  };
  const act = async (id: string, action: object, to: CallOptions): Promise<void> => {
    await session.call('POST', `volumes/${id}/action`, action, to);
  };
  return {
    node: options.node,
    list: async (to) => await list('', to),
    async get(id, to) {
      const answer = await unlessRefused(['itemNotFound'], session.call('GET', `volumes/${id}`, undefined, one(to)));
      return answer === undefined ? undefined : toBlockVolume(answer['volume']);
    },
    async create({ name, sizeGib }, to) {
      const token = options.ports.random.hex(16);
      const volume = { name, size: sizeGib, metadata: { [TOKEN_KEY]: token } };
      for (let attemptCount = 1; ; attemptCount++) {
        try {
          // One attempt at a time: a blind repeat would make a second volume.
          const made = await session.call('POST', 'volumes', { volume }, { ...one(to), attemptsMax: 1 });
          return toBlockVolume(made['volume']);
        } catch (error) {
          if (!(error instanceof ServiceUnavailableError)) throw error;
          const made = await list(`?name=${encodeURIComponent(name)}`, to);
          const adopted = made.find(({ status }) => status['createToken'] === token);
          if (adopted !== undefined) return adopted;
          if (attemptCount >= CREATE_ATTEMPTS_MAX) throw error;
        }
      }
    },
    async delete(id, to) {
      await unlessRefused(['itemNotFound'], session.call('DELETE', `volumes/${id}`, undefined, to));
    },
    async attach(id, to) {
      await act(id, { 'os-attach': { instance_uuid: options.node, mountpoint: '/dev/vdb' } }, to);
    },
    async detach(id, { isForced, signal }) {
      const to = { signal };
      const volume = await session.call('GET', `volumes/${id}`, undefined, one(to));
      const attachmentId = attachmentsOf(volume['volume'])[0]?.['attachment_id'];
      if (attachmentId === undefined) return;
      await act(id, { [isForced ? 'os-force_detach' : 'os-detach']: { attachment_id: attachmentId } }, to);
    },
  };
}

const CREATE_ATTEMPTS_MAX = 3;

interface SessionCallOptions extends CallOptions {
  /** What has to be in the answer; without it, the answer is none. */
  readonly reads?: 'volume' | 'volumes';
  readonly attemptsMax?: number;
}

const one = ({ signal }: CallOptions): SessionCallOptions => ({ signal, reads: 'volume' });

/** Holds the token. */
class CinderSession {
  readonly #options: CinderClientOptions;
  #token: string | undefined;

  constructor(options: CinderClientOptions) {
    this.#options = options;
  }

  async call(method: string, path: string, body: object | undefined, to: SessionCallOptions): Promise<Fields> {
    const { reads, attemptsMax } = to;
    const { endpoint, project = 'drydock', schedule = {}, ports } = this.#options;
    const send = async (): Promise<Fields> => {
      this.#token ??= await this.#authenticate(to);
      return await requestRetrying({
        ...schedule,
        ...(attemptsMax === undefined ? {} : { attemptsMax }),
        what: `Cinder ${method} ${path}`,
        url: `${endpoint}/volume/v3/${project}/${path}`,
        init: {
          method,
          headers: { 'X-Auth-Token': this.#token, 'Content-Type': 'application/json', Accept: 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        },
        read: (answer) => withVolumes(readAnswer(answer), reads),
        ports,
        signal: to.signal,
      });
    };
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof TokenRefusedError)) throw error;
      this.#token = undefined;
      return await send();
    }
  }

  async #authenticate({ signal }: CallOptions): Promise<string> {
    const {
      endpoint,
      project = 'drydock',
      user = 'drydock',
      password = 'drydock',
      ports,
      schedule = {},
    } = this.#options;
    const domain = { id: 'default' };
    const identity = { methods: ['password'], password: { user: { name: user, domain, password } } };
    const auth = { identity, scope: { project: { name: project, domain } } };
    return await requestRetrying({
      ...schedule,
      what: 'Keystone POST auth/tokens',
      url: `${endpoint}/identity/v3/auth/tokens`,
      init: { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ auth }) },
      read: (answer) => {
        if (answer.status === 401)
          throw new BlockStoreRefusalError('Unauthorized', `Keystone does not take user ${user}`);
        readAnswer(answer);
        return answer.headers.get('X-Subject-Token') ?? raise(new RetryableError('no X-Subject-Token'));
      },
      ports,
      signal,
    });
  }
}

/** @throws TokenRefusedError, RetryableError, BlockStoreRefusalError */
function readAnswer({ status, body, headers }: Answer): Fields {
  if (status === 401) throw new TokenRefusedError('the token is not taken');
  if (status === 429 || status === 413 || status >= 500) {
    const retryAfter = Number(headers.get('Retry-After') ?? Number.NaN);
    const isLimit = status === 413 && Number.isNaN(retryAfter); // a quota does not go away by waiting
    if (!isLimit) {
      const retryAfterMs = Number.isNaN(retryAfter) ? undefined : retryAfter * 1000;
      throw new RetryableError(`status ${status}: ${body.slice(0, 200)}`, { retryAfterMs });
    }
  }
  const answer = body === '' ? {} : parse(body, status);
  if (status < 300) return answer;
  const [fault = 'error', details] = Object.entries(answer)[0] ?? [];
  throw new BlockStoreRefusalError(fault, toText(toFields(details)['message']));
}

/** @throws RetryableError when what was asked for is not in the answer: no list is not an empty one */
function withVolumes(answer: Fields, reads: 'volume' | 'volumes' | undefined): Fields {
  if (reads === undefined) return answer;
  const volumes = reads === 'volume' ? [answer['volume']] : answer['volumes'];
  if (Array.isArray(volumes) && volumes.every((volume) => toText(toFields(volume)['id']) !== '')) return answer;
  throw new RetryableError(`expected ${reads} in the answer, got ${JSON.stringify(answer).slice(0, 100)}`);
}

function parse(body: string, status: number): Fields {
  try {
    return toFields(JSON.parse(body));
  } catch (error) {
    throw new RetryableError(`status ${status}, no JSON: ${body.slice(0, 100)}`, { cause: error });
  }
}

function toBlockVolume(value: unknown): BlockVolume {
  const volume = toFields(value);
  const attachment = attachmentsOf(value)[0];
  const { id, name, size, status, created_at: createdAt, availability_zone: availabilityZone } = volume;
  return {
    id: toText(id),
    name: toText(name),
    sizeGib: Number(size),
    createdAt: Date.parse(`${toText(createdAt)}Z`),
    state: states.find((state) => state === status) ?? 'other',
    ...(attachment === undefined ? {} : { node: toText(attachment['server_id']) }),
    status: { name, size, availabilityZone, service: 'cinder', createToken: toFields(volume['metadata'])[TOKEN_KEY] },
  };
}

const states = ['creating', 'available', 'attaching', 'in-use', 'detaching'] as const;

function attachmentsOf(value: unknown): readonly Fields[] {
  const { attachments } = toFields(value);
  return Array.isArray(attachments) ? attachments.map(toFields) : [];
}

function raise(error: Error): never {
  throw error;
}
