/** A containerizer with real parts in a directory of a test, and a `docker/volume` isolator that the test scripts. */
import { join } from 'node:path';
import { silentLogger } from '@drydock/base/log';
import type { Isolator } from '@drydock/isolator';
import type { MesosContainerizer } from '../containerizer.ts';
import { createMesosContainerizer } from '../create-containerizer.ts';

export interface TestContainerizerOptions {
  /** Holds the image archives in `registry`. */
  readonly base: string;
  readonly backend: string;
  /** Names the parent of the control groups. */
  readonly cgroupsRoot: string;
  /** In place of parts of an isolator that does nothing. */
  readonly isolator?: Partial<Isolator>;
  /** In place of the whole isolator. */
  readonly createIsolator?: () => Promise<Isolator>;
}

export async function createTestContainerizer(options: TestContainerizerOptions): Promise<MesosContainerizer> {
  const { base, backend, cgroupsRoot, isolator, createIsolator } = options;
  const scripted: Isolator = {
    name: 'docker/volume',
    supportsNesting: true,
    recover: async () => undefined,
    prepare: async () => undefined,
    cleanup: async () => undefined,
    ...isolator,
  };
  return await createMesosContainerizer({
    workDir: join(base, 'work'),
    runtimeDir: join(base, 'run'),
    isolation: 'docker/volume,docker/runtime,filesystem/linux',
    imageProviders: 'docker',
    imageProvisionerBackend: backend,
    dockerRegistry: join(base, 'registry'),
    dockerStoreDir: join(base, 'store'),
    cgroupsRoot,
    isolatorFactories: { 'docker/volume': createIsolator ?? (() => scripted) },
    logger: silentLogger,
  });
}
