/** Starts the services that nodes share: what a cloud or a control service is to a driver. */
import { join } from 'node:path';
import { systemClock, systemFiles, systemRandom } from '@drydock/base/ports';
import type { EnginePorts } from '../driver-engine.ts';
import { BlockStore, type BlockStoreOptions } from './block-store.ts';
import { CinderApi, type CinderApiOptions } from './cinder-api.ts';
import { answerEc2 } from './ec2-api.ts';
import { FlockerApi } from './flocker-api.ts';
import { startTcpHttpServer, type StartedService } from './tcp-http-server.ts';

/** EC2's query API, Keystone with Cinder, or flocker's control service. */
export type EmulatorKind = 'ec2' | 'cinder' | 'flocker';

export interface EmulatorOptions {
  /** Shared by all nodes: data of the volumes, and the service's own records below `service`. */
  readonly directory: string;
  /** Address to listen on; default 127.0.0.1. */
  readonly ip?: string;
  /** Default: any that is free. */
  readonly port?: number;
  readonly ports?: EnginePorts;
  readonly limits?: Pick<BlockStoreOptions, 'stepMs' | 'attachmentsPerNodeMax' | 'volumesMax' | 'requestsPerSecondMax'>;
  /** Cinder's token, in ms. */
  readonly tokenMs?: CinderApiOptions['tokenMs'];
  /** How long flocker's state lags behind, in ms. */
  readonly convergeMs?: number;
}

/** Serves until it is stopped; its records survive it. */
export async function startEmulator(kind: EmulatorKind, options: EmulatorOptions): Promise<StartedService> {
  const { directory: dataDirectory, limits = {} } = options;
  const ports = options.ports ?? { files: systemFiles, clock: systemClock, random: systemRandom };
  const directory = join(dataDirectory, SERVICE_DIRECTORY);
  const where = {
    ...(options.ip === undefined ? {} : { ip: options.ip }),
    ...(options.port === undefined ? {} : { port: options.port }),
  };
  if (kind === 'flocker') {
    const { convergeMs } = options;
    const common = { directory, dataDirectory, ports };
    const api = await FlockerApi.open(convergeMs === undefined ? common : { ...common, convergeMs });
    return await startTcpHttpServer(async (request) => await api.answer(request), where);
  }
  const store = await BlockStore.open({ ...limits, directory, dataDirectory, ports });
  if (kind === 'ec2') {
    return await startTcpHttpServer(async (request) => await answerEc2(request, store, ports.random), where);
  }
  const { tokenMs } = options;
  const common = { store, clock: ports.clock, random: ports.random };
  const api = new CinderApi(tokenMs === undefined ? common : { ...common, tokenMs });
  return await startTcpHttpServer(async (request) => await api.answer(request), where);
}

const SERVICE_DIRECTORY = '.service';
