/**
 * A control service in the words of flocker's REST API, version 1: a configuration that clients change, and a state that
 * follows it after a while. A dataset whose primary changes leaves its old node first.
 * @see https://flocker-docs.clusterhq.com/en/latest/reference/api.html
 */
import { join } from 'node:path';
import type { ClockPort, FileSystemPort, RandomPort } from '@drydock/base/ports';
import { ServiceRecord } from './service-record.ts';
import { jsonReply, type ServiceReply, type ServiceRequest } from './tcp-http-server.ts';

export interface FlockerApiOptions {
  /** Holds the service's own record, `datasets.json`; absolute. */
  readonly directory: string;
  /** Where nodes find datasets: `<data>/<dataset id>`; absolute. */
  readonly dataDirectory: string;
  readonly ports: { readonly files: FileSystemPort; readonly clock: ClockPort; readonly random: RandomPort };
  /** How long the state lags behind the configuration, in ms. Default 50. */
  readonly convergeMs?: number;
}

interface Dataset {
  readonly dataset_id: string;
  readonly primary: string;
  readonly maximum_size: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** When the state shows this configuration; ms since the epoch. */
  readonly convergesAt: number;
}

export class FlockerApi {
  readonly #options: FlockerApiOptions;
  readonly #datasets: Map<string, Dataset>;
  readonly #record: ServiceRecord<Dataset>;

  private constructor(options: FlockerApiOptions, record: ServiceRecord<Dataset>, datasets: readonly Dataset[]) {
    this.#options = options;
    this.#record = record;
    this.#datasets = new Map(datasets.map((dataset) => [dataset.dataset_id, dataset]));
  }

  /** Reads what an earlier run left. */
  static async open(options: FlockerApiOptions): Promise<FlockerApi> {
    await options.ports.files.ensureDirectory(options.dataDirectory);
    const { record, items } = await ServiceRecord.open<Dataset>('datasets.json', options);
    return new FlockerApi(options, record, items);
  }

  async answer({ method, url, body }: ServiceRequest): Promise<ServiceReply> {
    const [, id] = /^\/v1\/configuration\/datasets\/([^/]+)$/.exec(url.pathname) ?? [];
    switch (`${method} ${id === undefined ? url.pathname : url.pathname.replace(id, 'ID')}`) {
      case 'GET /v1/configuration/datasets':
        return jsonReply(200, [...this.#datasets.values()].map(toConfiguration));
      case 'POST /v1/configuration/datasets':
        return await this.#create(parseBody(body));
      case 'POST /v1/configuration/datasets/ID':
        return await this.#move(id ?? '', parseBody(body));
      case 'GET /v1/state/datasets':
        return jsonReply(
          200,
          [...this.#datasets.values()].map((dataset) => this.#toState(dataset)),
        );
      default:
        return jsonReply(404, { description: 'The requested URL was not found on this server.' });
    }
  }

  async #create(fields: Readonly<Record<string, unknown>>): Promise<ServiceReply> {
    const { dataset_id: id, primary, maximum_size: size, metadata = {} } = fields;
    if (typeof id !== 'string' || typeof primary !== 'string' || typeof size !== 'number') {
      return jsonReply(400, { description: "The provided JSON doesn't match the required schema." });
    }
    if (this.#datasets.has(id)) return jsonReply(409, { description: 'The provided dataset_id is already in use.' });
    const texts = Object.entries({ ...(metadata as object) }).map(([key, value]) => [key, String(value)]); // any object is one
    const dataset = { dataset_id: id, primary, maximum_size: size, metadata: Object.fromEntries(texts) };
    return jsonReply(201, toConfiguration(await this.#put(dataset)));
  }

  async #move(id: string, { primary }: Readonly<Record<string, unknown>>): Promise<ServiceReply> {
    const dataset = this.#datasets.get(id);
    if (dataset === undefined) return jsonReply(404, { description: 'Dataset not found.' });
    if (typeof primary !== 'string') return jsonReply(400, { description: 'Expected a primary.' });
    const moved = dataset.primary === primary ? dataset : await this.#put({ ...dataset, primary });
    return jsonReply(200, toConfiguration(moved));
  }

  #toState({ dataset_id, primary, maximum_size, convergesAt }: Dataset): object {
    const isConverged = this.#options.ports.clock.now() >= convergesAt;
    const place = isConverged ? { primary, path: join(this.#options.dataDirectory, dataset_id) } : {};
    return { dataset_id, maximum_size, ...place };
  }

  async #put(dataset: Omit<Dataset, 'convergesAt'>): Promise<Dataset> {
    const { clock } = this.#options.ports;
    const changed = { ...dataset, convergesAt: clock.now() + (this.#options.convergeMs ?? 50) };
    this.#datasets.set(changed.dataset_id, changed);
    await this.#record.save([...this.#datasets.values()]);
    return changed;
  }
}

function toConfiguration({ convergesAt: _own, ...configuration }: Dataset): object {
  return { ...configuration, deleted: false };
}

function parseBody(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
