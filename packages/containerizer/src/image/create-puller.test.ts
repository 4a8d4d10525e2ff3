import { describe, expect, it } from 'vitest';
import { ArchivePuller } from './archive-puller.ts';
import { createPuller } from './create-puller.ts';
import { RegistryPuller } from './registry/registry-puller.ts';

describe('createPuller', () => {
  it.each([
    ['/images', ArchivePuller],
    ['file:///images', ArchivePuller],
    ['http://127.0.0.1:5000', RegistryPuller],
    ['https://registry-1.docker.io', RegistryPuller],
  ])('for %s', async (dockerRegistry, expected) => {
    expect(await createPuller({ dockerRegistry })).toBeInstanceOf(expected);
  });

  it.each([
    [{ dockerRegistry: 'ftp://x' }, 'Expecting an absolute path, a file:// URL, or http(s)://host[:port]'],
    [{ dockerRegistry: '/images', dockerConfig: '{' }, 'Failed to parse docker config: expected JSON'],
  ])('refuses %j', async (options, why) => {
    await expect(createPuller(options)).rejects.toThrow(
      `Failed to create a containerizer: Could not create MesosContainerizer: Failed to create Docker puller: ${why}`,
    );
  });
});
