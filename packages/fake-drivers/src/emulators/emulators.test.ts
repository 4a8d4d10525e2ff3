import { mkdtemp, readdir, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemFiles, systemRandom } from '@drydock/base/ports';
import { XMLParser } from 'fast-xml-parser';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createManualClock, type ManualClock } from '../testing/manual-clock.ts';
import { startEmulator } from './start-emulator.ts';
import type { StartedService } from './tcp-http-server.ts';

let directory: string;
let clock: ManualClock;
let service: StartedService;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'emulator-'));
  clock = createManualClock();
});

afterEach(async () => {
  await service.stop();
  await rm(directory, { recursive: true });
});

async function start(
  kind: 'ec2' | 'cinder' | 'flocker',
  limits: { volumesMax?: number; attachmentsPerNodeMax?: number; requestsPerSecondMax?: number } = {},
): Promise<void> {
  service = await startEmulator(kind, {
    directory,
    limits: { stepMs: 100, ...limits },
    ports: { files: systemFiles, clock, random: systemRandom },
    tokenMs: 1_000,
    convergeMs: 100,
  });
}

/** A step of the service takes 100 ms of its clock. */
const step = async (): Promise<void> => await clock.sleep(100);

describe('the block store as EC2', () => {
  const parser = new XMLParser({ parseTagValue: false });

  /** `CreateVolume Size=1`: status, and the answer as an object. */
  async function ec2(line: string): Promise<{ status: number; answer: Record<string, never> }> {
    const [action = '', ...pairs] = line.split(' ');
    const body = new URLSearchParams({ Action: action, Version: '2016-11-15' });
    for (const pair of pairs) body.set(...(pair.split('=', 2) as [string, string])); // every pair has both
    const response = await fetch(service.endpoint, { method: 'POST', body });
    const document = parser.parse(await response.text()) as Record<string, Record<string, never>>;
    return { status: response.status, answer: document[`${action}Response`] ?? document['Response'] ?? {} };
  }

  const CREATE = 'CreateVolume Size=1 AvailabilityZone=z';
  const create = async (more = ''): Promise<string> => String((await ec2(`${CREATE}${more}`)).answer['volumeId']);
  const failure = (status: number, Code: string): object => ({ status, answer: { Errors: { Error: { Code } } } });

  it('takes a volume through its states', async () => {
    await start('ec2');
    const id = await create(' TagSpecification.1.Tag.1.Key=Name TagSpecification.1.Tag.1.Value=v1');
    const described = async (): Promise<object> => (await ec2('DescribeVolumes')).answer;
    expect(id).toMatch(/^vol-[0-9a-f]{17}$/);
    expect(await described()).toMatchObject({ volumeSet: { item: { volumeId: id, status: 'creating', size: '1' } } });
    await step();
    expect(await described()).toMatchObject({
      volumeSet: { item: { status: 'available', tagSet: { item: { value: 'v1' } } } },
    });
    const attach = await ec2(`AttachVolume VolumeId=${id} InstanceId=i-1 Device=/dev/xvdf`);
    expect(attach).toMatchObject({ status: 200, answer: { status: 'attaching', instanceId: 'i-1' } });
    await step();
    const attached = { status: 'attached', instanceId: 'i-1', device: '/dev/xvdf' };
    expect(await described()).toMatchObject({
      volumeSet: { item: { status: 'in-use', attachmentSet: { item: attached } } },
    });
    expect(await ec2(`DetachVolume VolumeId=${id}`)).toMatchObject({ status: 200, answer: { status: 'detaching' } });
    await step();
    expect(await described()).toMatchObject({ volumeSet: { item: { status: 'available', attachmentSet: '' } } });
    await mkdir(join(directory, id));
    await writeFile(join(directory, id, 'file'), 'x');
    expect(await ec2(`DeleteVolume VolumeId=${id}`)).toMatchObject({ status: 200, answer: { return: 'true' } });
    expect(await readdir(directory)).toEqual(['.service']);
  });

  it('filters by tag, instance and id', async () => {
    await start('ec2');
    const first = await create(' TagSpecification.1.Tag.1.Key=Name TagSpecification.1.Tag.1.Value=v1');
    const second = await create();
    const ids = async (line: string): Promise<unknown> => (await ec2(`DescribeVolumes ${line}`)).answer['volumeSet'];
    expect(await ids('Filter.1.Name=tag:Name Filter.1.Value.1=v1')).toMatchObject({ item: { volumeId: first } });
    expect(await ids(`VolumeId.1=${second}`)).toMatchObject({ item: { volumeId: second } });
    expect(await ids('Filter.1.Name=attachment.instance-id Filter.1.Value.1=i-9')).toBe('');
  });

  it('gives the volume of the first request to whoever repeats its client token', async () => {
    await start('ec2');
    const id = await create(' ClientToken=t');
    expect(await create(' ClientToken=t')).toBe(id);
    expect(await ec2('CreateVolume Size=2 AvailabilityZone=z ClientToken=t')).toMatchObject(
      failure(400, 'IdempotentParameterMismatch'),
    );
  });

  it.each([
    ['CreateVolume Size=1', 400, 'MissingParameter'],
    ['CreateVolume Size=0 AvailabilityZone=z', 400, 'InvalidParameterValue'],
    ['CreateVolume Size=99999 AvailabilityZone=z', 400, 'InvalidParameterValue'],
    ['AttachVolume VolumeId=vol-x InstanceId=i-1 Device=d', 400, 'InvalidVolume.NotFound'],
    ['DetachVolume VolumeId=vol-x', 400, 'InvalidVolume.NotFound'],
    ['DeleteVolume VolumeId=vol-x', 400, 'InvalidVolume.NotFound'],
    ['DescribeVolumes VolumeId.1=vol-x', 400, 'InvalidVolume.NotFound'],
    ['DescribeVolumes Filter.1.Name=size', 400, 'InvalidParameterValue'],
    ['RunInstances', 400, 'InvalidAction'],
    ['', 400, 'InvalidAction'],
  ])('refuses `%s`', async (line, status, code) => {
    await start('ec2');
    await create();
    expect(await ec2(line)).toMatchObject(failure(status, code));
  });

  it('refuses what does not fit the state of a volume', async () => {
    await start('ec2', { attachmentsPerNodeMax: 1, volumesMax: 2 });
    const [first, second] = [await create(), await create()];
    const attach = (id: string, node: string): string => `AttachVolume VolumeId=${id} InstanceId=${node} Device=d`;
    expect(await ec2(CREATE)).toMatchObject(failure(400, 'VolumeLimitExceeded'));
    expect(await ec2(attach(first, 'i-1'))).toMatchObject(failure(400, 'IncorrectState'));
    await step();
    expect(await ec2(`DetachVolume VolumeId=${first}`)).toMatchObject(failure(400, 'IncorrectState'));
    await ec2(attach(first, 'i-1'));
    expect(await ec2(`DetachVolume VolumeId=${first}`)).toMatchObject(failure(400, 'IncorrectState'));
    expect(await ec2(attach(first, 'i-2'))).toMatchObject(failure(400, 'VolumeInUse'));
    expect(await ec2(`DeleteVolume VolumeId=${first}`)).toMatchObject(failure(400, 'VolumeInUse'));
    expect(await ec2(attach(second, 'i-1'))).toMatchObject(failure(400, 'AttachmentLimitExceeded'));
    expect(await ec2(`DetachVolume VolumeId=${first} Force=true`)).toMatchObject({ status: 200 });
  });

  it('throttles', async () => {
    await start('ec2', { requestsPerSecondMax: 2 });
    await ec2('DescribeVolumes');
    await ec2('DescribeVolumes');
    expect(await ec2('DescribeVolumes')).toMatchObject(failure(503, 'RequestLimitExceeded'));
    await clock.sleep(1_001);
    expect(await ec2('DescribeVolumes')).toMatchObject({ status: 200 });
  });
});

describe('the block store as Cinder', () => {
  async function call(
    method: string,
    path: string,
    body?: object,
    token = '',
  ): Promise<{ status: number; json: unknown; headers: Headers }> {
    const response = await fetch(`${service.endpoint}${path}`, {
      method,
      headers: { 'X-Auth-Token': token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text), headers: response.headers };
  }

  const credentials = (password: string): object => ({
    auth: { identity: { methods: ['password'], password: { user: { name: 'drydock', password } } } },
  });
  const login = async (): Promise<string> => {
    const { status, headers } = await call('POST', '/identity/v3/auth/tokens', credentials('drydock'));
    expect(status).toBe(201);
    return headers.get('X-Subject-Token') ?? '';
  };
  const volumes = '/volume/v3/drydock/volumes';

  it('takes a volume through its states', async () => {
    await start('cinder');
    const token = await login();
    const created = await call('POST', volumes, { volume: { name: 'v1', size: 1 } }, token);
    const { id } = (created.json as { volume: { id: string } }).volume; // asserted below
    expect(created).toMatchObject({ status: 202, json: { volume: { name: 'v1', status: 'creating' } } });
    const state = async (): Promise<unknown> => (await call('GET', `${volumes}/${id}`, undefined, token)).json;
    const act = async (action: object): Promise<number> =>
      (await call('POST', `${volumes}/${id}/action`, action, token)).status;
    await step();
    expect(await state()).toMatchObject({ volume: { status: 'available', attachments: [] } });
    expect(await act({ 'os-attach': { instance_uuid: 's1', mountpoint: '/dev/vdb' } })).toBe(202);
    await step();
    expect(await state()).toMatchObject({ volume: { status: 'in-use', attachments: [{ server_id: 's1' }] } });
    const attachments = await call('GET', '/volume/v3/drydock/attachments', undefined, token);
    expect(attachments.json).toMatchObject({ attachments: [{ volume_id: id, server_id: 's1' }] });
    expect(await act({ 'os-attach': { instance_uuid: 's2' } })).toBe(400);
    expect(await call('DELETE', `${volumes}/${id}`, undefined, token)).toMatchObject({
      status: 400,
      json: { badRequest: { code: 400 } },
    });
    expect(await act({ 'os-detach': {} })).toBe(202);
    expect(await state()).toMatchObject({ volume: { status: 'detaching' } });
    await step();
    expect((await call('DELETE', `${volumes}/${id}`, undefined, token)).status).toBe(202);
    expect(await call('GET', `${volumes}/${id}`, undefined, token)).toMatchObject({
      status: 404,
      json: { itemNotFound: { code: 404, message: `Volume ${id} could not be found.` } },
    });
  });

  it('does not take a wrong password, no token, or one that is too old', async () => {
    await start('cinder');
    expect((await call('POST', '/identity/v3/auth/tokens', credentials('wrong'))).status).toBe(401);
    const none = await call('GET', `${volumes}/detail`);
    expect(none).toMatchObject({ status: 401, json: { error: { code: 401, title: 'Unauthorized' } } });
    expect(none.headers.get('WWW-Authenticate')).toMatch(/^Keystone uri="http/);
    const token = await login();
    expect((await call('GET', `${volumes}/detail`, undefined, token)).status).toBe(200);
    await clock.sleep(1_001);
    expect((await call('GET', `${volumes}/detail`, undefined, token)).status).toBe(401);
  });

  it.each([
    ['POST', volumes, { volume: { size: 0 } }, 400],
    ['POST', volumes, { nothing: true }, 400],
    ['POST', `${volumes}/x/action`, { 'os-attach': { instance_uuid: 's1' } }, 404],
    ['GET', '/volume/v3/drydock/snapshots', undefined, 404],
    ['GET', '/nova', undefined, 404],
  ])('refuses %s %s %j', async (method, path, body, status) => {
    await start('cinder');
    expect((await call(method, path, body, await login())).status).toBe(status);
  });

  it('throttles with the time to wait, and has a quota', async () => {
    await start('cinder', { requestsPerSecondMax: 2, volumesMax: 1 });
    const token = await login();
    const body = { volume: { name: 'v', size: 1 } };
    expect((await call('POST', volumes, body, token)).status).toBe(202);
    expect(await call('POST', volumes, body, token)).toMatchObject({ status: 413, json: { overLimit: { code: 413 } } });
    const throttled = await call('GET', `${volumes}/detail`, undefined, token);
    expect(throttled.status).toBe(429);
    expect(throttled.headers.get('Retry-After')).toBe('1');
  });
});

describe('the control service of flocker', () => {
  const call = async (method: string, path: string, body?: object): Promise<{ status: number; json: unknown }> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${service.endpoint}/v1/${path}`, init);
    return { status: response.status, json: await response.json() };
  };
  const dataset = { dataset_id: 'd1', primary: 'n1', maximum_size: 1, metadata: { name: 'v1' } };

  it('lets the state follow the configuration after a while', async () => {
    await start('flocker');
    expect(await call('POST', 'configuration/datasets', dataset)).toMatchObject({ status: 201, json: dataset });
    expect((await call('GET', 'state/datasets')).json).toEqual([{ dataset_id: 'd1', maximum_size: 1 }]);
    await step();
    const place = { dataset_id: 'd1', maximum_size: 1, primary: 'n1', path: join(directory, 'd1') };
    expect((await call('GET', 'state/datasets')).json).toEqual([place]);
    expect(await call('POST', 'configuration/datasets/d1', { primary: 'n2' })).toMatchObject({
      json: { primary: 'n2' },
    });
    expect((await call('GET', 'state/datasets')).json).toEqual([{ dataset_id: 'd1', maximum_size: 1 }]);
    await step();
    expect((await call('GET', 'state/datasets')).json).toEqual([{ ...place, primary: 'n2' }]);
  });

  it.each([
    ['POST', 'configuration/datasets', dataset, 409],
    ['POST', 'configuration/datasets', { primary: 'n1' }, 400],
    ['POST', 'configuration/datasets/other', { primary: 'n1' }, 404],
    ['GET', 'nothing', undefined, 404],
  ])('refuses %s %s %j', async (method, path, body, status) => {
    await start('flocker');
    await call('POST', 'configuration/datasets', dataset);
    expect((await call(method, path, body)).status).toBe(status);
  });

  it('keeps its datasets over a restart', async () => {
    await start('flocker');
    await call('POST', 'configuration/datasets', dataset);
    await service.stop();
    await start('flocker');
    expect((await call('GET', 'configuration/datasets')).json).toMatchObject([dataset]);
  });
});
