/** Speaks the REST API of flocker's control service. */
import type { CallOptions } from '../backing/volume-backing.ts';
import { DomainError } from '@drydock/base/errors';
import { toFields, toText, type Fields } from './json-fields.ts';
import {
  requestRetrying,
  RetryableError,
  type Answer,
  type RequestPorts,
  type RetrySchedule,
} from './retrying-request.ts';

export interface FlockerClientOptions {
  readonly endpoint: string;
  /** This node's UUID. */
  readonly node: string;
  readonly ports: RequestPorts;
  readonly schedule?: RetrySchedule;
}

/** A dataset as it is configured, and as it is. */
export interface Dataset {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** The node that has it now; undefined while it moves. */
  readonly primary?: string;
}

/** The control service refuses. */
export class FlockerRefusalError extends DomainError<'FLOCKER_REFUSAL'> {
  readonly code = 'FLOCKER_REFUSAL';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class FlockerClient {
  readonly node: string;
  readonly #options: FlockerClientOptions;

  constructor(options: FlockerClientOptions) {
    this.#options = options;
    this.node = options.node;
  }

  /** Configured datasets with where they are. */
  async list(to: CallOptions): Promise<readonly Dataset[]> {
    const [configured, state] = [
      await this.#list('configuration/datasets', to),
      await this.#list('state/datasets', to),
    ];
    const primaries = new Map(state.map((dataset) => [dataset['dataset_id'], dataset['primary']]));
    return configured.map(({ dataset_id: id, maximum_size: size, metadata }) => {
      const primary = primaries.get(id);
      return {
        id: toText(id),
        name: toText(toFields(metadata)['name']),
        sizeBytes: Number(size),
        ...(typeof primary === 'string' ? { primary } : {}),
      };
    });
  }

  /** One that is there already is fine: the id follows from the name. */
  async create(
    dataset: { readonly id: string; readonly name: string; readonly sizeBytes: number },
    to: CallOptions,
  ): Promise<void> {
    const { id, name, sizeBytes } = dataset;
    const body = { dataset_id: id, primary: this.node, maximum_size: sizeBytes, metadata: { name } };
    try {
      await this.#call('POST', 'configuration/datasets', body, to);
    } catch (error) {
      if (!(error instanceof FlockerRefusalError) || error.status !== 409) throw error;
    }
  }

  /** Asks for the dataset to come to this node; it takes its time. */
  async moveHere(id: string, to: CallOptions): Promise<void> {
    await this.#call('POST', `configuration/datasets/${id}`, { primary: this.node }, to);
  }

  async #list(path: string, to: CallOptions): Promise<readonly Fields[]> {
    return await this.#request({ method: 'GET', path }, (answer) => toDatasets(readAnswer(answer)), to);
  }

  async #call(method: string, path: string, body: object, to: CallOptions): Promise<void> {
    await this.#request({ method, path, body }, readAnswer, to);
  }

  async #request<T>(
    { method, path, body }: { readonly method: string; readonly path: string; readonly body?: object },
    read: (answer: Answer) => T,
    { signal }: CallOptions,
  ): Promise<T> {
    const { endpoint, ports, schedule = {} } = this.#options;
    return await requestRetrying({
      ...schedule,
      what: `flocker ${method} ${path}`,
      url: `${endpoint}/v1/${path}`,
      init: {
        method,
        headers: { 'Content-Type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
      read,
      ports,
      signal,
    });
  }
}

/** @throws RetryableError, FlockerRefusalError */
function readAnswer({ status, body }: Answer): unknown {
  if (status >= 500 || status === 429) throw new RetryableError(`status ${status}: ${body.slice(0, 200)}`);
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    throw new RetryableError(`status ${status}, no JSON: ${body.slice(0, 100)}`, { cause: error });
  }
  if (status < 300) return value;
  throw new FlockerRefusalError(status, toText(toFields(value)['description']) || `status ${status}`);
}

/** @throws RetryableError */
function toDatasets(value: unknown): readonly Fields[] {
  const datasets = Array.isArray(value) ? value.map(toFields) : [{}];
  if (datasets.every((dataset) => toText(dataset['dataset_id']) !== '')) return datasets;
  throw new RetryableError(`expected a list of datasets, got ${JSON.stringify(value).slice(0, 100)}`);
}
