/** A store of images in a directory of a test, and the network that it sees. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import { setupServer, type SetupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { ImageStore } from '../image/image-store.ts';
import { DockerCredentials } from '../image/registry/docker-config.ts';
import { RegistryPuller } from '../image/registry/registry-puller.ts';

/** Of names without a host. */
export const ORIGIN = 'https://registry.test';

/** In a test file's place for hooks; what no handler answers is an error. */
export function useNetwork(): SetupServer {
  const server = setupServer();
  beforeAll(() => server.listen({ onUnhandledFrame: 'error' }));
  afterEach(() => server.resetHandlers());
  afterAll(() => server.close());
  return server;
}

export interface RegistryStoreOptions {
  readonly credentials?: DockerCredentials;
  readonly stallMsMax?: number;
  readonly pullMsMax?: number;
  readonly origin?: string;
}

/** Asks three times, with hardly a pause. */
export async function openRegistryStore(directory: string, options: RegistryStoreOptions): Promise<ImageStore> {
  const { credentials = new DockerCredentials(), stallMsMax = 10_000, pullMsMax = 60_000, origin = ORIGIN } = options;
  const puller = new RegistryPuller({ origin, credentials, stallMsMax, attemptsMax: 3, retryDelayMs: 1 });
  return await ImageStore.open({ directory, puller, logger: silentLogger, pullMsMax });
}

export async function expectNothingStored(directory: string): Promise<void> {
  expect((await readdir(directory)).sort()).toEqual(['layers', 'staging']);
  expect(await readdir(join(directory, 'staging'))).toEqual([]);
  expect(await readdir(join(directory, 'layers'))).toEqual([]);
}
