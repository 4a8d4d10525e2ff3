/**
 * The HTTP API behind convoy's own command line: `/v1/volumes/...` (also without `/v1`) on the plugin's socket. Errors
 * are status 400 (404 for a volume that is not there) with plain text and a newline.
 */
import { DomainError, messageOf } from '@drydock/base/errors';
import { systemRandom } from '@drydock/base/ports';
import type { DriverEngine, EngineVolume } from '@drydock/fake-drivers';
import { parseFirstJson, toGoJson } from '@drydock/volume-plugin';
import type { HttpAnswer, HttpRequest } from '@drydock/volume-plugin/server';
import type { ConvoyVersion } from '../command-line.ts';
import type { DriverKind } from './configuration.ts';
import { toDriverInfo, toVolumeJson } from './volume-json.ts';

/** The request is wrong; the message is convoy's. */
class ClientApiError extends DomainError<'BAD_REQUEST' | 'NOT_FOUND'> {
  readonly code: 'BAD_REQUEST' | 'NOT_FOUND';

  constructor(code: 'BAD_REQUEST' | 'NOT_FOUND', message: string) {
    super(message);
    this.code = code;
  }
}

export interface ClientApiContext {
  readonly driver: DriverKind;
  readonly version: ConvoyVersion;
  readonly engine: DriverEngine;
  /** What `info` shows; JSON. */
  readonly info: string;
}

type Fields = Readonly<Record<string, unknown>>;
type Handler = (fields: Fields, context: ClientApiContext) => Promise<string>;

const handlers: Readonly<Record<string, Handler>> = {
  'POST /volumes/create': createVolume,
  'POST /volumes/mount': mountVolume,
  'POST /volumes/umount': unmountVolume,
  'GET /volumes/': inspectVolume,
  'DELETE /volumes/': deleteVolume,
  'GET /volumes/list': listVolumes,
  'GET /info': async (_fields, { info }) => info,
  'POST /snapshots/create': refuseSnapshots,
  'GET /snapshots/': refuseSnapshots,
  'DELETE /snapshots/': refuseSnapshots,
  'GET /backups/list': refuseSnapshots,
  'GET /backups/inspect': refuseSnapshots,
  'POST /backups/create': refuseSnapshots,
  'DELETE /backups': refuseSnapshots,
};

/** Answers a request of the API; undefined for another path. */
export async function routeClientApi(request: HttpRequest, context: ClientApiContext): Promise<HttpAnswer | undefined> {
  const key = `${request.method} ${request.path.replace(/^\/v1(?=\/)/, '')}`;
  const handler = Object.hasOwn(handlers, key) ? handlers[key] : undefined;
  if (handler === undefined) return undefined;
  try {
    const fields = { ...parseFields(request.body), ...Object.fromEntries(new URLSearchParams(request.query)) };
    return answer(200, await handler(fields, context));
  } catch (error) {
    const isNotFound = error instanceof ClientApiError && error.code === 'NOT_FOUND';
    return answer(isNotFound ? 404 : 400, `${messageOf(error)}\n`);
  }
}

async function createVolume(fields: Fields, context: ClientApiContext): Promise<string> {
  const { engine, driver, version } = context;
  const name = text(fields, 'Name') || `volume-${systemRandom.hex(version === '0.4' ? 4 : 8)}`;
  if (text(fields, 'BackupURL') !== '') throw new ClientApiError('BAD_REQUEST', 'Backups are not supported');
  const askedDriver = text(fields, 'DriverName');
  if (askedDriver !== '' && askedDriver !== driver) {
    throw new ClientApiError('BAD_REQUEST', `Cannot find driver ${askedDriver}`);
  }
  // DEVIATION: convoy 0.5.2 takes names here that it then cannot show, list or delete; the engine refuses them.
  const outcome = await engine.create(name, { sizeBytes: count(fields, 'Size') });
  const volume = await find(name, context);
  if (outcome === 'exists') {
    const exists = `Volume ${name} already exists `;
    const exists04 = `Volume name ${name} already associate locally with volume UUID ${volume?.uuid ?? ''} `;
    throw new ClientApiError('BAD_REQUEST', version === '0.4' ? exists04 : exists);
  }
  if (fields['Verbose'] === true) return await volumeText(name, context);
  return version === '0.4' ? (volume?.uuid ?? '') : name;
}

async function mountVolume(fields: Fields, context: ClientApiContext): Promise<string> {
  const { engine, version } = context;
  const volume = await mustFind(text(fields, 'VolumeName'), context);
  refuseForeignPlace(text(fields, 'MountPoint'), volume, context);
  const mountpoint = await engine.mount(volume.name);
  if (fields['Verbose'] !== true) return mountpoint;
  const names = version === '0.4' ? { UUID: volume.uuid, Name: '' } : { Name: volume.name };
  const shown = { ...names, Driver: '', MountPoint: mountpoint, CreatedTime: '', DriverInfo: null, Snapshots: null };
  return toGoJson(shown, '\t');
}

// DEVIATION: the real devicemapper driver can mount at a given place.
function refuseForeignPlace(asked: string, { name, mountpoint }: EngineVolume, { driver }: ClientApiContext): void {
  if (asked === '' || (asked === mountpoint && driver === 'devicemapper')) return;
  if (driver === 'vfs') throw new ClientApiError('BAD_REQUEST', "VFS doesn't support specified mount point");
  if (mountpoint !== undefined) {
    const text = `Volume ${name} was already mounted at ${mountpoint}, but asked to mount at ${asked}`;
    throw new ClientApiError('BAD_REQUEST', text);
  }
  throw new ClientApiError('BAD_REQUEST', "devicemapper doesn't support specified mount point");
}

async function refuseSnapshots(): Promise<string> {
  throw new ClientApiError('BAD_REQUEST', 'Snapshots and backups are not supported');
}

async function unmountVolume(fields: Fields, context: ClientApiContext): Promise<string> {
  const { name } = await mustFind(text(fields, 'VolumeName'), context);
  await context.engine.unmount(name);
  return '';
}

async function inspectVolume(fields: Fields, context: ClientApiContext): Promise<string> {
  return await volumeText(text(fields, 'VolumeName'), context);
}

async function deleteVolume(fields: Fields, context: ClientApiContext): Promise<string> {
  const volume = await find(text(fields, 'VolumeName'), context);
  if (volume === undefined) throw new ClientApiError('NOT_FOUND', 'Volume not found.');
  await context.engine.remove(volume.name, { keepData: fields['ReferenceOnly'] === true });
  return '';
}

async function listVolumes(fields: Fields, { engine, driver, version }: ClientApiContext): Promise<string> {
  const volumes = await engine.list();
  const byName = volumes.map((volume) => [
    version === '0.4' ? volume.uuid : volume.name,
    fields['driver'] === '1' ? toDriverInfo(volume, { driver, version }) : toVolumeJson(volume, { driver, version }),
  ]);
  return toGoJson(Object.fromEntries(byName), '\t');
}

async function volumeText(name: string, context: ClientApiContext): Promise<string> {
  const volume = await find(name, context);
  if (volume === undefined) throw new ClientApiError('NOT_FOUND', 'Volume not found.');
  return toGoJson(toVolumeJson(volume, context), '\t');
}

/** By name; convoy 0.4 takes the UUID, too. */
async function find(name: string, { engine, version }: ClientApiContext): Promise<EngineVolume | undefined> {
  const byName = await engine.get(name);
  return byName !== undefined || version === '0.5' ? byName : (await engine.list()).find(({ uuid }) => uuid === name);
}

async function mustFind(name: string, context: ClientApiContext): Promise<EngineVolume> {
  const volume = await find(name, context);
  if (volume === undefined) throw new ClientApiError('BAD_REQUEST', `volume ${name} doesn't exist`);
  return volume;
}

function parseFields(body: string): Fields {
  const value = body.trim() === '' ? null : parseFirstJson(body);
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return { ...value };
  throw new ClientApiError('BAD_REQUEST', 'json: expected an object');
}

function text(fields: Fields, name: string): string {
  const value = fields[name] ?? '';
  if (typeof value === 'string') return value;
  throw new ClientApiError('BAD_REQUEST', `json: expected ${name} to be a string`);
}

function count(fields: Fields, name: string): number {
  const value = fields[name] ?? 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ClientApiError('BAD_REQUEST', `json: expected ${name} to be a number of bytes`);
}

function answer(status: number, body: string): HttpAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}
