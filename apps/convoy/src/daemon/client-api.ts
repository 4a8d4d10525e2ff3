/**
 * The HTTP API behind convoy's own command line: `/v1/volumes/...` (also without `/v1`) on the plugin's socket. Errors
 * are status 400 (404 for a volume that is not there) with plain text and a newline.
 */
import { DomainError, messageOf } from '@drydock/base/errors';
import { systemRandom } from '@drydock/base/ports';
import { UnknownVolumeError, type DriverEngine } from '@drydock/fake-drivers';
import { parseFirstJson, toGoJson } from '@drydock/volume-plugin';
import type { HttpAnswer, HttpRequest } from '@drydock/volume-plugin/server';
import type { DriverKind } from './configuration.ts';
import { toVolumeJson } from './volume-json.ts';

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
  readonly engine: DriverEngine;
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
};

/** Answers a request of the API; undefined for another path. */
export async function routeClientApi(request: HttpRequest, context: ClientApiContext): Promise<HttpAnswer | undefined> {
  const key = `${request.method} ${request.path.replace(/^\/v1(?=\/)/, '')}`;
  const handler = Object.hasOwn(handlers, key) ? handlers[key] : undefined;
  if (handler === undefined) return undefined;
  try {
    return answer(200, await handler(parseFields(request.body), context));
  } catch (error) {
    const isNotFound = error instanceof ClientApiError && error.code === 'NOT_FOUND';
    return answer(isNotFound ? 404 : 400, `${messageOf(error)}\n`);
  }
}

async function createVolume(fields: Fields, context: ClientApiContext): Promise<string> {
  const { engine, driver } = context;
  const name = text(fields, 'Name') || `volume-${systemRandom.hex(8)}`;
  const askedDriver = text(fields, 'DriverName');
  if (askedDriver !== '' && askedDriver !== driver) {
    throw new ClientApiError('BAD_REQUEST', `Cannot find driver ${askedDriver}`);
  }
  // DEVIATION: convoy 0.5.2 takes names here that it then cannot show, list or delete; the engine refuses them.
  const outcome = await engine.create(name, { sizeBytes: count(fields, 'Size') });
  if (outcome === 'exists') throw new ClientApiError('BAD_REQUEST', `Volume ${name} already exists `);
  return fields['Verbose'] === true ? await volumeText(name, context) : name;
}

async function mountVolume(fields: Fields, context: ClientApiContext): Promise<string> {
  const { engine, driver } = context;
  const name = text(fields, 'VolumeName');
  if (text(fields, 'MountPoint') !== '') {
    // DEVIATION: the real devicemapper driver can mount at a given place.
    const title = driver === 'vfs' ? 'VFS' : 'devicemapper';
    throw new ClientApiError('BAD_REQUEST', `${title} doesn't support specified mount point`);
  }
  const mountpoint = await known(name, engine.mount(name));
  if (fields['Verbose'] !== true) return mountpoint;
  const shown = { Name: name, Driver: '', MountPoint: mountpoint, CreatedTime: '', DriverInfo: null, Snapshots: null };
  return toGoJson(shown, '\t');
}

async function unmountVolume(fields: Fields, { engine }: ClientApiContext): Promise<string> {
  const name = text(fields, 'VolumeName');
  await known(name, engine.unmount(name));
  return '';
}

async function inspectVolume(fields: Fields, context: ClientApiContext): Promise<string> {
  return await volumeText(text(fields, 'VolumeName'), context);
}

async function deleteVolume(fields: Fields, { engine }: ClientApiContext): Promise<string> {
  try {
    await engine.remove(text(fields, 'VolumeName'), { keepData: fields['ReferenceOnly'] === true });
    return '';
  } catch (error) {
    if (error instanceof UnknownVolumeError) throw new ClientApiError('NOT_FOUND', 'Volume not found.');
    throw error;
  }
}

async function listVolumes(_fields: Fields, { engine, driver }: ClientApiContext): Promise<string> {
  const volumes = await engine.list();
  const byName = volumes.map((volume) => [volume.name, toVolumeJson(volume, driver)]);
  return toGoJson(Object.fromEntries(byName), '\t');
}

async function volumeText(name: string, { engine, driver }: ClientApiContext): Promise<string> {
  const volume = await engine.get(name);
  if (volume === undefined) throw new ClientApiError('NOT_FOUND', 'Volume not found.');
  return toGoJson(toVolumeJson(volume, driver), '\t');
}

async function known<T>(name: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof UnknownVolumeError) {
      throw new ClientApiError('BAD_REQUEST', `volume ${name} doesn't exist`);
    }
    throw error;
  }
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
