import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectVolumeDriver } from '../client/volume-driver-client.ts';
import { callSequences } from '../sequences/index.ts';

const signal = AbortSignal.timeout(60_000);
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'plugin-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** The program of the README as a process, with the test's directory in place of the example's. */
async function startReadmePlugin(): Promise<AsyncDisposable> {
  const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8');
  const [, code = ''] = /## Write a driver\n\n```ts\n([^]*?)```/.exec(readme) ?? [];
  const program = join(directory, 'plugin.mts');
  const socketPath = join(directory, 'tendir.sock');
  const text = code
    .replace("'@drydock/volume-plugin/server'", JSON.stringify(join(import.meta.dirname, 'index.ts')))
    .replace("'/run/docker/plugins/tendir.sock'", JSON.stringify(socketPath))
    .replace("'/tmp/volume-'", JSON.stringify(join(directory, 'volume-')));
  await writeFile(program, text);
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'inherit', 'inherit'] });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  child.once('exit', () => resolve());
  await waitUntil(() => existsSync(socketPath) || child.exitCode !== null, { what: 'the plugin to listen' });
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

describe('the plugin of the README', () => {
  it.each(['dvdcli-0.1', 'dvdcli-0.2', 'engine'] as const)('mounts, lists and removes for %s', async (client) => {
    await using _plugin = await startReadmePlugin();
    const directories = { sockets: directory, specs: [] };
    using driver = await connectVolumeDriver('tendir', { signal, client, directories });
    const calls = callSequences[client];
    const mountId = '0'.repeat(64);
    const mountpoint = await calls.mount(driver, 'v', {}, { signal, mountId });
    expect(mountpoint.startsWith(directory)).toBe(true);
    expect(await calls.list(driver, { signal })).toEqual([{ Name: 'v', Mountpoint: expect.any(String) as string }]);
    await calls.unmount(driver, 'v', { signal, mountId });
    await calls.remove(driver, 'v', { signal });
    await expect(driver.mount('v', { signal })).rejects.toThrow('no volume v');
  });

  it('takes no call without a name', async () => {
    await using _plugin = await startReadmePlugin();
    const directories = { sockets: directory, specs: [] };
    using driver = await connectVolumeDriver('tendir', { signal, directories });
    await expect(driver.create('', {}, { signal })).rejects.toMatchObject({
      status: 400,
      message: 'VolumeDriver.Create: Expected the name of a volume in Name of VolumeDriver.Create, got ""\n',
    });
  });
});
