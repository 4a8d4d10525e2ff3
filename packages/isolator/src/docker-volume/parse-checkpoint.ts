/** The text of a checkpoint, ours or upstream's. */
import { posix } from 'node:path';
import { DomainError, messageOf } from '@drydock/base/errors';
import type { ContainerID } from '@drydock/mesos';
import type { Checkpoint, CheckpointedVolume } from './volume-checkpoint.ts';
import { InvalidVolumeKeyError, parseVolumeKey, volumeId, type DriverOption } from './volume-key.ts';

/** The text is no checkpoint; the message says what was expected. */
export class CheckpointCorruptError extends DomainError<'CHECKPOINT_CORRUPT'> {
  readonly code = 'CHECKPOINT_CORRUPT';
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the checkpoint of the container whose directory has the name `name`. Fields that are not known are ignored, and so
 * are ours when they are not what we write; `notes` says so for a person.
 * @throws CheckpointCorruptError
 */
export function parseCheckpoint(
  text: string,
  name: string,
): { readonly checkpoint: Checkpoint; readonly notes: readonly string[] } {
  const json = parseObject(text);
  const { volumes: list = [] } = json;
  if (!Array.isArray(list))
    throw new CheckpointCorruptError("Protobuf parse failed: expected 'volumes' to be an array");
  const notes: string[] = [];
  const volumes = new Map<string, CheckpointedVolume>();
  for (const entry of list) {
    const volume = parseVolume(entry);
    const id = volumeId(volume.key);
    if (volumes.has(id)) {
      notes.push(`Duplicate docker volume with driver '${volume.key.driver}' and name '${volume.key.name}'`);
    } else {
      volumes.set(id, volume);
    }
  }
  const bootId = json['boot_id'];
  return {
    checkpoint: {
      containerId: parseContainerId(json['container_id'], name),
      volumes: [...volumes.values()],
      ...(typeof bootId === 'string' ? { bootId } : {}),
    },
    notes,
  };
}

function parseObject(text: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CheckpointCorruptError(`JSON parse failed: ${messageOf(error)}`, { cause: error });
  }
  if (!isObject(json)) throw new CheckpointCorruptError('Protobuf parse failed: expected a JSON object');
  return json;
}

function parseVolume(entry: unknown): CheckpointedVolume {
  if (!isObject(entry)) throw new CheckpointCorruptError('Protobuf parse failed: expected a volume to be an object');
  const { driver, name, phase, mountpoint, is_mount_point: isMountPoint } = entry;
  if (typeof driver !== 'string' || typeof name !== 'string') {
    throw new CheckpointCorruptError("Protobuf parse failed: expected a volume to have 'driver' and 'name'");
  }
  const hasPlace = typeof mountpoint === 'string' && posix.isAbsolute(mountpoint) && typeof isMountPoint === 'boolean';
  return {
    key: parseKey(driver, name),
    options: parseOptions(entry['options']),
    // Upstream writes no phase: its containers may have been launched.
    phase: phase === 'mounting' ? 'mounting' : 'mounted',
    ...(hasPlace ? { at: { mountpoint, isMountPoint } } : {}),
  };
}

function parseKey(driver: string, name: string): CheckpointedVolume['key'] {
  try {
    return parseVolumeKey(driver, name);
  } catch (error) {
    if (error instanceof InvalidVolumeKeyError) throw new CheckpointCorruptError(error.message, { cause: error });
    throw error;
  }
}

function parseOptions(value: unknown): readonly DriverOption[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((option) => {
    if (!isObject(option)) return [];
    const { key, value: text } = option;
    return typeof key === 'string' && typeof text === 'string' ? [{ key, value: text }] : [];
  });
}

/** The directory's name unless the file names that container with its parents. */
function parseContainerId(value: unknown, name: string): ContainerID {
  const id = toContainerId(value);
  return id?.value === name ? id : { value: name };
}

function toContainerId(value: unknown): ContainerID | undefined {
  if (!isObject(value) || typeof value['value'] !== 'string') return undefined;
  const parent = toContainerId(value['parent']);
  return { value: value['value'], ...(parent === undefined ? {} : { parent }) };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
