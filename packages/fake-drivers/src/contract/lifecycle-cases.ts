import { isAbsolute } from 'node:path';
import { aVolume, discard, expectSuccess, expectThat, mountpointOf, use, volumeOf } from './expectations.ts';
import type { PluginCase } from './plugin-case.ts';

const API = 'docs.docker.com/engine/extend/plugins_volume';

/** One volume from Create to Remove. */
export const lifecycleCases: readonly PluginCase[] = [
  {
    id: 'PLG-020',
    title: 'creates, mounts at an absolute path, unmounts and removes',
    requires: [],
    source: API,
    async run(context) {
      const { client } = context;
      const name = await aVolume(context);
      const mountpoint = mountpointOf(
        expectSuccess('Mount', await client.post('VolumeDriver.Mount', use(name, context))),
      );
      expectThat(isAbsolute(mountpoint), 'an absolute mountpoint', JSON.stringify(mountpoint));
      expectSuccess('Unmount', await client.post('VolumeDriver.Unmount', use(name, context)));
      expectSuccess('Remove', await client.post('VolumeDriver.Remove', { Name: name }));
    },
  },
  {
    id: 'PLG-021',
    title: 'mounts at the same place again',
    requires: [],
    source: API,
    async run(context) {
      const name = await aVolume(context);
      const places = new Set<string>();
      for (let count = 0; count < 3; count++) {
        const mounted = await context.client.post('VolumeDriver.Mount', use(name, context));
        places.add(mountpointOf(expectSuccess('Mount', mounted)));
        expectSuccess('Unmount', await context.client.post('VolumeDriver.Unmount', use(name, context)));
      }
      expectThat(places.size === 1, 'one mountpoint', [...places].join(', '));
      await discard(name, context);
    },
  },
  {
    id: 'PLG-022',
    title: 'tells the mountpoint of a mounted volume through Get and Path',
    requires: ['VolumeDriver.Get'],
    source: `${API}, volumedriverget and volumedriverpath`,
    async run(context) {
      const { client } = context;
      const name = await aVolume(context);
      const mounted = mountpointOf(expectSuccess('Mount', await client.post('VolumeDriver.Mount', use(name, context))));
      const volume = volumeOf(expectSuccess('Get', await client.post('VolumeDriver.Get', { Name: name })));
      const path = mountpointOf(expectSuccess('Path', await client.post('VolumeDriver.Path', { Name: name })));
      expectThat(volume['Name'] === name, `the name ${name}`, JSON.stringify(volume['Name']));
      expectThat(volume['Mountpoint'] === mounted, `Get to tell ${mounted}`, JSON.stringify(volume));
      expectThat(path === mounted, `Path to tell ${mounted}`, path);
      await discard(name, context);
    },
  },
  {
    id: 'PLG-023',
    title: 'lists its volumes',
    requires: ['VolumeDriver.List'],
    source: `${API}, volumedriverlist`,
    async run(context) {
      const name = await aVolume(context);
      expectSuccess('Mount', await context.client.post('VolumeDriver.Mount', use(name, context)));
      const { Volumes } = expectSuccess('List', await context.client.post('VolumeDriver.List', {}));
      const names = Array.isArray(Volumes) ? Volumes.map((volume: { Name?: unknown }) => volume.Name) : [];
      expectThat(names.includes(name), `List to hold ${name}`, JSON.stringify(names));
      await discard(name, context);
    },
  },
  {
    id: 'PLG-024',
    title: 'keeps volumes apart',
    requires: [],
    source: API,
    async run(context) {
      const names = [await aVolume(context), await aVolume(context)];
      const places = new Set<string>();
      for (const name of names) {
        const mounted = await context.client.post('VolumeDriver.Mount', use(name, context));
        places.add(mountpointOf(expectSuccess('Mount', mounted)));
      }
      expectThat(places.size === 2, 'two mountpoints', [...places].join(', '));
      for (const name of names) await discard(name, context);
    },
  },
  {
    id: 'PLG-025',
    title: 'answers calls for many volumes at a time',
    requires: [],
    source: 'the isolator runs calls for different volumes side by side',
    async run(context) {
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          const name = await aVolume(context);
          expectSuccess('Mount', await context.client.post('VolumeDriver.Mount', use(name, context)));
          await discard(name, context);
        }),
      );
    },
  },
  {
    id: 'PLG-026',
    title: 'forgets a removed volume, or keeps it where its Remove does nothing',
    requires: ['VolumeDriver.Get'],
    source: 'certification catalogue, LIF',
    async run(context) {
      const { client, habits } = context;
      const name = await aVolume(context);
      expectSuccess('Mount', await client.post('VolumeDriver.Mount', use(name, context)));
      await discard(name, context);
      const { status, json } = await client.post('VolumeDriver.Get', { Name: name });
      const isKnown = status === 200 && typeof json?.['Volume'] === 'object';
      expectThat(
        isKnown === !habits.removeForgets,
        habits.removeForgets ? 'it to be unknown' : 'it to stay',
        `status ${status}`,
      );
    },
  },
];
