/**
 * The block store in the words of OpenStack: Keystone v3 gives tokens for a password, Cinder v3 below `/volume/v3/PROJECT`
 * takes them.
 * @see https://docs.openstack.org/api-ref/identity/v3/ and https://docs.openstack.org/api-ref/block-storage/v3/
 */
import type { ClockPort, RandomPort } from '@drydock/base/ports';
import { toUuid } from '../uuid.ts';
import { BlockStoreError, type BlockStore, type BlockStoreErrorKind, type StoredBlockVolume } from './block-store.ts';
import { jsonReply, type ServiceReply, type ServiceRequest } from './tcp-http-server.ts';

export interface CinderApiOptions {
  readonly store: BlockStore;
  readonly clock: ClockPort;
  readonly random: RandomPort;
  /** Default `drydock`, both. */
  readonly user?: string;
  readonly password?: string;
  /** How long a token is good. Default 1 h. */
  readonly tokenMs?: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** The request is refused; `fault` is the key of the answer. */
class CinderError extends Error {
  override readonly name = 'CinderError';
  readonly status: number;
  readonly fault: string;

  constructor(status: number, fault: string, message: string) {
    super(message);
    this.status = status;
    this.fault = fault;
  }
}

const faults: Readonly<Record<BlockStoreErrorKind, readonly [number, string]>> = {
  'not-found': [404, 'itemNotFound'],
  'in-use': [400, 'badRequest'],
  'wrong-state': [400, 'badRequest'],
  'not-attached': [400, 'badRequest'],
  'too-many-volumes': [413, 'overLimit'],
  'too-many-attachments': [413, 'overLimit'],
  'token-mismatch': [400, 'badRequest'],
  throttled: [429, 'overLimit'],
};

/** Answers Keystone and Cinder. */
export class CinderApi {
  readonly #options: CinderApiOptions;
  /** Token to the time of its end, ms since the epoch. */
  readonly #tokens = new Map<string, number>();

  constructor(options: CinderApiOptions) {
    this.#options = options;
  }

  async answer(request: ServiceRequest): Promise<ServiceReply> {
    try {
      const path = request.url.pathname;
      if (path === '/identity/v3/auth/tokens') return this.#issueToken(request);
      const [, rest] = /^\/volume\/v3\/[^/]+\/(.*)$/.exec(path) ?? [];
      if (rest === undefined) throw new CinderError(404, 'itemNotFound', 'The resource could not be found.');
      if (!this.#isAuthorised(request)) return unauthorised(request);
      this.#options.store.admit();
      return await this.#answerVolumes(request, rest);
    } catch (error) {
      return toFault(error);
    }
  }

  #issueToken({ method, body }: ServiceRequest): ServiceReply {
    if (method !== 'POST') throw new CinderError(405, 'error', 'Method not allowed');
    const user = field(field(field(field(parseBody(body), 'auth'), 'identity'), 'password'), 'user');
    const { user: name = 'drydock', password = 'drydock', tokenMs = 3_600_000, clock, random } = this.#options;
    if (user['name'] !== name || user['password'] !== password) return unauthorised({ url: new URL('http://service') });
    const token = random.hex(16);
    const expiresAt = clock.now() + tokenMs;
    this.#tokens.set(token, expiresAt);
    const answer = { token: { methods: ['password'], expires_at: new Date(expiresAt).toISOString(), user: { name } } };
    return jsonReply(201, answer, { 'X-Subject-Token': token });
  }

  #isAuthorised({ headers }: ServiceRequest): boolean {
    return (this.#tokens.get(headers['x-auth-token'] ?? '') ?? 0) > this.#options.clock.now();
  }

  async #answerVolumes(request: ServiceRequest, path: string): Promise<ServiceReply> {
    const { store } = this.#options;
    const { method, url, body } = request;
    const [, id = ''] = /^volumes\/(?!detail$)([^/]+)(?:\/action)?$/.exec(path) ?? [];
    switch (`${method} ${id === '' ? path : path.replace(id, 'ID')}`) {
      case 'POST volumes':
        return await this.#create(field(parseBody(body), 'volume'));
      case 'GET volumes/detail': {
        const name = url.searchParams.get('name');
        const volumes = store.list().filter((volume) => name === null || volume.name === name);
        return jsonReply(200, { volumes: volumes.map((volume) => toVolume(volume, store)) });
      }
      case 'GET volumes/ID':
        return jsonReply(200, { volume: toVolume(store.get(id), store) });
      case 'DELETE volumes/ID':
        await store.delete(id);
        return { status: 202, contentType: 'application/json', body: '' };
      case 'POST volumes/ID/action':
        await this.#act(id, parseBody(body));
        return { status: 202, contentType: 'application/json', body: '' };
      case 'GET attachments': {
        const attached = store.list().filter(({ attachment }) => attachment !== undefined);
        return jsonReply(200, { attachments: attached.flatMap(toAttachments) });
      }
      default:
        throw new CinderError(404, 'itemNotFound', 'The resource could not be found.');
    }
  }

  async #create(fields: Fields): Promise<ServiceReply> {
    const { size, name = '', metadata = {} } = fields;
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 1) {
      throw new CinderError(
        400,
        'badRequest',
        `Invalid input received: Volume size '${String(size)}' must be an integer and greater than 0`,
      );
    }
    const created = await this.#options.store.create({
      id: toUuid(this.#options.random.hex(16)),
      name: String(name),
      sizeGib: size,
      tags: Object.fromEntries(Object.entries({ ...(metadata as object) }).map(([key, value]) => [key, String(value)])), // any object is one
    });
    return jsonReply(202, { volume: toVolume(created, this.#options.store) });
  }

  async #act(id: string, action: Fields): Promise<void> {
    const { store } = this.#options;
    if ('os-attach' in action) {
      const { instance_uuid: node, mountpoint } = field(action, 'os-attach');
      if (typeof node !== 'string') throw new CinderError(400, 'badRequest', 'Invalid request body');
      await store.attach(id, { node, device: typeof mountpoint === 'string' ? mountpoint : '/dev/vdb' });
    } else if ('os-detach' in action) await store.detach(id, { isForced: false });
    else if ('os-force_detach' in action) await store.detach(id, { isForced: true });
    else throw new CinderError(400, 'badRequest', `There is no such action: ${Object.keys(action).join(', ')}`);
  }
}

function toVolume(volume: StoredBlockVolume, store: BlockStore): object {
  return {
    id: volume.id,
    name: volume.name,
    size: volume.sizeGib,
    status: store.stateOf(volume),
    created_at: new Date(volume.createdAt).toISOString().replace('Z', ''),
    attachments: toAttachments(volume),
    metadata: volume.tags,
    availability_zone: 'nova',
    volume_type: null,
    multiattach: false,
  };
}

function toAttachments({ id, attachment }: StoredBlockVolume): readonly object[] {
  if (attachment === undefined) return [];
  const { id: attachmentId, node, device } = attachment;
  return [{ id: attachmentId, attachment_id: attachmentId, volume_id: id, server_id: node, device }];
}

function unauthorised({ url }: Pick<ServiceRequest, 'url'>): ServiceReply {
  const error = { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' };
  return jsonReply(401, { error }, { 'WWW-Authenticate': `Keystone uri="${url.origin}/identity"` });
}

function toFault(error: unknown): ServiceReply {
  if (error instanceof CinderError) {
    return jsonReply(error.status, { [error.fault]: { code: error.status, message: error.message } });
  }
  if (error instanceof BlockStoreError) {
    const [status, fault] = faults[error.kind];
    const retry = error.kind === 'throttled' ? { 'Retry-After': '1' } : {};
    return jsonReply(status, { [fault]: { code: status, message: wording(error) } }, retry);
  }
  return jsonReply(500, {
    computeFault: {
      code: 500,
      message: 'The server has either erred or is incapable of performing the requested operation.',
    },
  });
}

function wording({ kind, volume, message }: BlockStoreError): string {
  if (kind === 'not-found') return `Volume ${volume} could not be found.`;
  if (kind === 'in-use' || kind === 'wrong-state') return `Invalid volume: ${message}`;
  return message;
}

function parseBody(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // no JSON: refused below like everything else that is no object
  }
  throw new CinderError(400, 'badRequest', 'Malformed request body');
}

function field(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new CinderError(400, 'badRequest', `Invalid input received: expected an object '${name}'`);
}
