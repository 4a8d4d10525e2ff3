import type { PluginVolume } from '@drydock/volume-plugin';
import type { VolumeDriverHandlers } from '@drydock/volume-plugin/server';
import { UnknownVolumeError, type DriverEngine, type EngineVolume } from './driver-engine.ts';
import { parseSizeBytes } from './volume-size.ts';

/** The plugin calls of an engine, with the answers and texts of its profile. */
export function createVolumeDriverHandlers(engine: DriverEngine): VolumeDriverHandlers {
  const { texts, scope } = engine.profile;
  return {
    async create({ Name, Opts }) {
      await engine.create(Name, { sizeBytes: parseSizeBytes(Opts['size'] ?? '') });
    },
    async remove({ Name }) {
      await ignoringUnknown(engine.remove(Name, { keepData: true }));
    },
    async mount({ Name }) {
      return await wording(engine.mount(Name), texts.unknownOnMount(Name));
    },
    async unmount({ Name }) {
      await ignoringUnknown(engine.unmount(Name));
    },
    async path({ Name }) {
      const volume = await engine.get(Name);
      if (volume === undefined) throw new Error(texts.unknownOnPath(Name));
      return volume.mountpoint ?? '';
    },
    async get({ Name }) {
      const volume = await engine.get(Name);
      if (volume === undefined) throw new Error(texts.unknownOnGet(Name));
      return toPluginVolume(volume);
    },
    async list() {
      return (await engine.list()).map(toPluginVolume);
    },
    capabilities: async () => ({ Scope: scope }),
  };
}

function toPluginVolume({ name, mountpoint }: EngineVolume): PluginVolume {
  return { Name: name, ...(mountpoint === undefined ? {} : { Mountpoint: mountpoint }) };
}

async function ignoringUnknown(operation: Promise<void>): Promise<void> {
  try {
    await operation;
  } catch (error) {
    if (!(error instanceof UnknownVolumeError)) throw error;
  }
}

async function wording<T>(operation: Promise<T>, text: string): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw error instanceof UnknownVolumeError ? new Error(text, { cause: error }) : error;
  }
}
