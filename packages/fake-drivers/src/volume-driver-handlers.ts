import type { PluginVolume } from '@drydock/volume-plugin';
import type { VolumeDriverHandlers } from '@drydock/volume-plugin/server';
import { UnknownVolumeError } from './driver-errors.ts';
import type { DriverEngine, EngineVolume } from './driver-engine.ts';

/** The plugin calls of an engine, with the answers and texts of its profile. */
export function createVolumeDriverHandlers(engine: () => DriverEngine): VolumeDriverHandlers {
  return {
    async create({ Name, Opts }) {
      await engine().create(Name, { options: Opts });
    },
    async remove({ Name }) {
      const { remove } = engine().profile;
      if (remove.ignoresCalls !== true) await orUnknown(engine().remove(Name), remove.unknown);
    },
    mount: async ({ Name, ID }) => await engine().mount(Name, ID),
    unmount: async ({ Name, ID }) => await orUnknown(engine().unmount(Name, ID), engine().profile.unmount.unknown),
    path: async ({ Name }) => await pathOf(engine(), Name),
    async get({ Name }) {
      const volume = await engine().get(Name);
      if (volume === undefined) throw new UnknownVolumeError(Name, engine().wordUnknown(Name, 'unknownOnGet'));
      return toPluginVolume(volume, engine());
    },
    list: async () => (await engine().list()).map((volume) => toPluginVolume(volume, engine())),
    capabilities: async () => ({ Scope: engine().profile.scope }),
  };
}

/** Some drivers take what is asked of an unknown volume for done. */
async function orUnknown(operation: Promise<void>, unknown: 'succeed' | 'refuse'): Promise<void> {
  try {
    await operation;
  } catch (error) {
    if (!(error instanceof UnknownVolumeError) || unknown === 'refuse') throw error;
  }
}

async function pathOf(engine: DriverEngine, name: string): Promise<string> {
  const { path } = engine.profile;
  const volume = await engine.get(name);
  if (volume === undefined) {
    if (path.unknown === 'refuse') throw new UnknownVolumeError(name, engine.wordUnknown(name, 'unknownOnPath'));
    return path.unknown === 'always' ? engine.placeOf(name) : '';
  }
  if (volume.mountpoint !== undefined || path.unmounted === 'always') return volume.place;
  if (path.unmounted === 'refuse') throw new UnknownVolumeError(name, engine.wordUnknown(name, 'notMounted'));
  return '';
}

function toPluginVolume({ name, mountpoint, place, status }: EngineVolume, engine: DriverEngine): PluginVolume {
  const shown = engine.profile.getMountpoint === 'always' ? place : mountpoint;
  return {
    Name: name,
    ...(shown === undefined ? {} : { Mountpoint: shown }),
    ...(status === undefined ? {} : { Status: status }),
  };
}
