/**
 * What holds for every `DriverClient`, against a driver that speaks the real protocol over a real socket. Bound to the
 * clients in `driver-client-contract.test.ts`.
 */
import { mkdtemp, mkdtempDisposable, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVolumePlugin, type VolumeDriverHandlers } from '@drydock/volume-plugin/server';
import { startScriptedPlugin } from '@drydock/volume-plugin/fake';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DriverClient } from './driver-client.ts';
import { parseVolumeKey } from './volume-key.ts';

export interface ContractSubject {
  /** A client that finds its drivers in `directory`. */
  readonly create: (
    directory: string,
    options: {
      readonly mountTimeoutMs?: number;
      readonly unmountTimeoutMs?: number;
      readonly isCreateExplicit?: boolean;
    },
  ) => DriverClient;
  /** Whether it can be told not to make what is not there; dvdcli 0.1 refuses to hear of it. */
  readonly canCreateExplicitly: boolean;
  /** Whether `inspect` can look; a client that cannot answers `unknown` and calls nobody. */
  readonly canInspect: boolean;
  /** Whether a driver without Get can be unmounted through it. */
  readonly unmountsWithoutGet: boolean;
  /** Whether a look-up of a driver that is nowhere takes its 15 s. */
  readonly waitsForDrivers: boolean;
}

const key = parseVolumeKey('d', 'v1');

/** A driver in memory that keeps what it was asked. */
class ContractDriver {
  readonly calls: string[] = [];
  readonly #volumes = new Map<string, { mountpoint?: string }>();

  handlers(): Required<VolumeDriverHandlers> {
    const known = (name: string): { mountpoint?: string } => {
      const volume = this.#volumes.get(name);
      if (volume === undefined) throw new Error(`no volume ${name}`);
      return volume;
    };
    return {
      create: async ({ Name, Opts }) => {
        this.calls.push(`create ${Name} ${JSON.stringify(Opts)}`);
        if (!this.#volumes.has(Name)) this.#volumes.set(Name, {});
      },
      remove: async ({ Name }) => void this.#volumes.delete(Name),
      mount: async ({ Name }) => {
        this.calls.push(`mount ${Name}`);
        known(Name).mountpoint = `/mnt/${Name}`;
        return `/mnt/${Name}`;
      },
      unmount: async ({ Name }) => {
        this.calls.push(`unmount ${Name}`);
        delete known(Name).mountpoint;
      },
      path: async ({ Name }) => known(Name).mountpoint ?? '',
      get: async ({ Name }) => ({ Name, Mountpoint: known(Name).mountpoint ?? '' }),
      list: async () => [],
      capabilities: async () => ({ Scope: 'local' }),
    };
  }
}

export function describeDriverClient(name: string, subject: ContractSubject): void {
  describe(`${name}`, () => {
    const signal = AbortSignal.timeout(60_000);
    let directory: string;
    let driver: ContractDriver;
    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'driver-client-'));
      driver = new ContractDriver();
    });
    afterEach(async () => {
      await rm(directory, { recursive: true });
    });
    const serve = async (
      change: (handlers: Required<VolumeDriverHandlers>) => VolumeDriverHandlers = (all) => all,
    ): Promise<AsyncDisposable> => {
      const handlers = change(driver.handlers());
      return await startVolumePlugin({ socketPath: join(directory, 'd.sock'), handlers, drainMs: 100 });
    };
    const client = (limits: Parameters<ContractSubject['create']>[1] = {}): DriverClient =>
      subject.create(directory, limits);
    const never = async (): Promise<never> => await Promise.withResolvers<never>().promise;
    const refuse = async (): Promise<never> => await Promise.reject(new Error('the array is on fire'));

    it('makes a volume that is not there, with its options, and gives its mountpoint', async () => {
      await using _plugin = await serve();
      const options = [
        { key: 'size', value: '1G' },
        { key: 'note', value: 'a=b c' },
        { key: 'size', value: '2G' },
      ];
      expect(await client().mount(key, options, { signal })).toBe('/mnt/v1');
      expect(driver.calls).toEqual(['create v1 {"note":"a=b c","size":"2G"}', 'mount v1']);
    });

    it('mounts what is there, and makes nothing, when a volume has to be created explicitly', async () => {
      await using _plugin = await serve();
      const explicit = client({ isCreateExplicit: true });
      const why = subject.canCreateExplicitly ? 'no volume v1' : 'unknown flag: --explicitcreate';
      await expect(explicit.mount(key, [{ key: 'size', value: '1G' }], { signal })).rejects.toMatchObject({
        outcome: 'rejected',
        message: expect.stringContaining(why),
      });
      expect(driver.calls).toEqual([]);
      await client().mount(key, [], { signal });
      const [mounting] = await Promise.allSettled([explicit.mount(key, [], { signal })]);
      expect(mounting).toMatchObject(
        subject.canCreateExplicitly ? { value: '/mnt/v1' } : { reason: { outcome: 'rejected' } },
      );
    });

    it('gives the same mountpoint for a volume that is mounted', async () => {
      await using _plugin = await serve();
      const first = await client().mount(key, [], { signal });
      expect(await client().mount(key, [], { signal })).toBe(first);
      expect(driver.calls.filter((call) => call.startsWith('mount'))).toHaveLength(2);
    });

    it.each(['-rf', '--help', 'a b', "it's", '$(id)', 'ünïcode', 'v=1,x'])(
      'carries the name %j as it is',
      async (text) => {
        await using _plugin = await serve();
        const odd = parseVolumeKey('d', text);
        expect(await client().mount(odd, [], { signal })).toBe(`/mnt/${text}`);
        await client().unmount(odd, { signal });
        expect(driver.calls.slice(-1)).toEqual([`unmount ${text}`]);
      },
    );

    it('unmounts', async () => {
      await using _plugin = await serve();
      await client().mount(key, [], { signal });
      await client().unmount(key, { signal });
      expect(driver.calls.slice(-1)).toEqual(['unmount v1']);
    });

    it('mounts through a driver without Get', async () => {
      await using _plugin = await serve(({ get: _get, ...others }) => others);
      expect(await client().mount(key, [], { signal })).toBe('/mnt/v1');
      const [unmounting] = await Promise.allSettled([client().unmount(key, { signal })]);
      expect(unmounting).toMatchObject(
        subject.unmountsWithoutGet ? { status: 'fulfilled' } : { reason: { outcome: 'rejected' } },
      );
      expect(driver.calls.slice(-1)).toEqual([subject.unmountsWithoutGet ? 'unmount v1' : 'mount v1']);
    });

    it("tells a refused mount in the driver's words", async () => {
      await using _plugin = await serve((all) => ({ ...all, mount: refuse }));
      const mounting = client().mount(key, [], { signal });
      await expect(mounting).rejects.toMatchObject({ code: 'DRIVER_CALL_FAILED', outcome: 'rejected', call: 'mount' });
      await expect(mounting).rejects.toThrow('the array is on fire');
    });

    it("tells a refused unmount in the driver's words", async () => {
      await using _plugin = await serve((all) => ({ ...all, unmount: refuse }));
      await client().mount(key, [], { signal });
      const unmounting = client().unmount(key, { signal });
      await expect(unmounting).rejects.toMatchObject({ outcome: 'rejected', call: 'unmount', volume: key });
      await expect(unmounting).rejects.toThrow('the array is on fire');
    });

    it('does not take an empty mountpoint for one', async () => {
      await using _plugin = await serve((all) => ({ ...all, mount: async () => '' }));
      const mounting = client().mount(key, [], { signal });
      await expect(mounting).rejects.toMatchObject({ outcome: expect.not.stringMatching('never-reached') as string });
      await expect(mounting).rejects.toThrow(/expected (?:the driver to answer Mount with )?a mountpoint/i);
    });

    it('says that a plugin of another kind was never asked', async () => {
      const answers = { 'Plugin.Activate': { body: '{"Implements":["NetworkDriver"]}' } };
      await using plugin = await startScriptedPlugin({ socketPath: join(directory, 'd.sock'), answers });
      const mounting = client().mount(key, [], { signal });
      await expect(mounting).rejects.toMatchObject({ outcome: 'never-reached' });
      await expect(mounting).rejects.toThrow('Plugin does not implement the requested driver');
      expect(plugin.calls()).toEqual([]);
    });

    it.each(['mount', 'unmount'] as const)('ends a %s at its limit and says so', async (call) => {
      await using _plugin = await serve((all) => ({ ...all, [call]: never }));
      const limited = client({ mountTimeoutMs: call === 'mount' ? 700 : 60_000, unmountTimeoutMs: 700 });
      if (call === 'unmount') await limited.mount(key, [], { signal });
      const calling = call === 'mount' ? limited.mount(key, [], { signal }) : limited.unmount(key, { signal });
      await expect(calling).rejects.toMatchObject({ message: `'${call}' timed out in 700ms`, outcome: 'unclear' });
    });

    it('ends when the signal aborts, and says that nobody knows what happened', async () => {
      const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
      await using _plugin = await serve((all) => ({
        ...all,
        mount: async () => {
          onAsked();
          return await never();
        },
      }));
      const abort = new AbortController();
      const mounting = client().mount(key, [], { signal: abort.signal });
      await Promise.race([asked, mounting]);
      abort.abort();
      await expect(mounting).rejects.toMatchObject({ message: "'mount' was discarded", outcome: 'unclear' });
    });

    describe('inspect', () => {
      it('tells where a volume is mounted, and when it is not', async () => {
        await using _plugin = await serve();
        await client().mount(key, [], { signal });
        const mounted = await client().inspect(key, { signal });
        await client().unmount(key, { signal });
        const unmounted = await client().inspect(key, { signal });
        expect([mounted, unmounted]).toEqual(
          subject.canInspect ? [{ mountpoint: '/mnt/v1' }, {}] : ['unknown', 'unknown'],
        );
      });

      it('never makes a volume', async () => {
        await using _plugin = await serve();
        expect(await client().inspect(key, { signal })).toBe('unknown');
        expect(driver.calls).toEqual([]);
      });

      it('does not know what a driver does not tell', async () => {
        await using _plugin = await serve((all) => ({ ...all, get: refuse }));
        expect(await client().inspect(key, { signal })).toBe('unknown');
      });

      it('ends when the signal aborts', async () => {
        await using _plugin = await serve((all) => ({ ...all, get: never }));
        expect(await client().inspect(key, { signal: AbortSignal.timeout(400) })).toBe('unknown');
      });
    });
  });
}

/** The look-up of a driver that is nowhere: one test a client, side by side, because those of dvdcli wait for 15 s. */
export function describeLookUp(subjects: Readonly<Record<string, ContractSubject>>): void {
  describe('a driver that is nowhere', () => {
    for (const [name, { create, waitsForDrivers }] of Object.entries(subjects)) {
      it.concurrent(`was never asked, says ${name}`, { tags: waitsForDrivers ? ['slow'] : [] }, async () => {
        await using directory = await mkdtempDisposable(join(tmpdir(), 'driver-client-'));
        const mounting = create(directory.path, {}).mount(key, [], { signal: AbortSignal.timeout(60_000) });
        await expect(mounting).rejects.toMatchObject({ outcome: 'never-reached' });
        await expect(mounting).rejects.toThrow(/plugin not found/i);
      });
    }
  });
}
