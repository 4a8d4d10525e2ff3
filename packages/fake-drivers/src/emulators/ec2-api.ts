/**
 * The block store in the words of EC2's query API, version 2016-11-15: form parameters in, XML out. Requests are not
 * signed.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html and its neighbours
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
import type { RandomPort } from '@drydock/base/ports';
import { XMLBuilder } from 'fast-xml-parser';
import { BlockStoreError, type BlockStore, type BlockStoreErrorKind, type StoredBlockVolume } from './block-store.ts';
import type { ServiceReply, ServiceRequest } from './tcp-http-server.ts';

export const EC2_VERSION = '2016-11-15';

/** The request is wrong in itself. */
class Ec2RequestError extends Error {
  override readonly name = 'Ec2RequestError';
  readonly ec2Code: string;

  constructor(ec2Code: string, message: string) {
    super(message);
    this.ec2Code = ec2Code;
  }
}

type Action = (parameters: URLSearchParams, store: BlockStore, random: RandomPort) => Promise<object>;

const actions: Readonly<Record<string, Action>> = {
  async CreateVolume(parameters, store, random) {
    const size = Number(required(parameters, 'Size'));
    if (!Number.isInteger(size) || size < 1 || size > 16_384) {
      throw new Ec2RequestError('InvalidParameterValue', `Volume of ${parameters.get('Size')}GiB is not supported`);
    }
    required(parameters, 'AvailabilityZone');
    const tags = tagsOf(parameters);
    const created = await store.create({
      id: `vol-${random.hex(9).slice(0, 17)}`,
      name: tags['Name'] ?? '',
      sizeGib: size,
      clientToken: parameters.get('ClientToken') ?? '',
      tags: { ...tags, 'drydock:zone': required(parameters, 'AvailabilityZone') },
    });
    return toVolumeItem(created, store);
  },
  async AttachVolume(parameters, store) {
    const node = required(parameters, 'InstanceId');
    const id = required(parameters, 'VolumeId');
    const volume = await store.attach(id, { node, device: required(parameters, 'Device') });
    return toAttachmentItem(volume, store) ?? {};
  },
  async DetachVolume(parameters, store) {
    const isForced = parameters.get('Force') === 'true';
    return toAttachmentItem(await store.detach(required(parameters, 'VolumeId'), { isForced }), store) ?? {};
  },
  async DescribeVolumes(parameters, store) {
    const ids = listOf(parameters, 'VolumeId');
    const volumes = ids.length === 0 ? store.list() : ids.map((id) => store.get(id));
    const filters = filtersOf(parameters);
    return {
      volumeSet: { item: volumes.filter((volume) => matches(volume, filters)).map((v) => toVolumeItem(v, store)) },
    };
  },
  async DeleteVolume(parameters, store) {
    await store.delete(required(parameters, 'VolumeId'));
    return { return: true };
  },
};

const errorCodes: Readonly<Record<BlockStoreErrorKind, readonly [number, string]>> = {
  'not-found': [400, 'InvalidVolume.NotFound'],
  'in-use': [400, 'VolumeInUse'],
  'wrong-state': [400, 'IncorrectState'],
  'not-attached': [400, 'IncorrectState'],
  'too-many-volumes': [400, 'VolumeLimitExceeded'],
  'too-many-attachments': [400, 'AttachmentLimitExceeded'],
  'token-mismatch': [400, 'IdempotentParameterMismatch'],
  throttled: [503, 'RequestLimitExceeded'],
};

const builder = new XMLBuilder({ ignoreAttributes: false, format: false });

/** Answers `POST /` or `GET /?...`. */
export async function answerEc2(request: ServiceRequest, store: BlockStore, random: RandomPort): Promise<ServiceReply> {
  const parameters = request.method === 'POST' ? new URLSearchParams(request.body) : request.url.searchParams;
  const name = parameters.get('Action') ?? '';
  const requestId = random.hex(16);
  try {
    store.admit();
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined) {
      throw new Ec2RequestError('InvalidAction', `The action ${name} is not valid for this web service.`);
    }
    const answer = await action(parameters, store, random);
    const xmlns = `http://ec2.amazonaws.com/doc/${EC2_VERSION}/`;
    return xml(200, { [`${name}Response`]: { '@_xmlns': xmlns, requestId, ...answer } });
  } catch (error) {
    const [status, code, message] = toFailure(error);
    return xml(status, { Response: { Errors: { Error: { Code: code, Message: message } }, RequestID: requestId } });
  }
}

function toFailure(error: unknown): readonly [number, string, string] {
  if (error instanceof Ec2RequestError) return [400, error.ec2Code, error.message];
  if (error instanceof BlockStoreError) return [...errorCodes[error.kind], error.message];
  return [500, 'InternalError', 'An internal error has occurred'];
}

function xml(status: number, value: object): ServiceReply {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${builder.build(value)}`;
  return { status, contentType: 'text/xml;charset=UTF-8', body };
}

function toVolumeItem(volume: StoredBlockVolume, store: BlockStore): object {
  const attachment = toAttachmentItem(volume, store);
  const state = store.stateOf(volume);
  const tags = Object.entries(volume.tags).filter(([key]) => !key.startsWith('drydock:'));
  return {
    volumeId: volume.id,
    size: volume.sizeGib,
    snapshotId: '',
    availabilityZone: volume.tags['drydock:zone'] ?? '',
    status: state === 'attaching' || state === 'detaching' ? 'in-use' : state,
    createTime: new Date(volume.createdAt).toISOString(),
    attachmentSet: attachment === undefined ? '' : { item: [attachment] },
    tagSet: tags.length === 0 ? '' : { item: tags.map(([key, value]) => ({ key, value })) },
    volumeType: 'gp2',
    encrypted: false,
  };
}

function toAttachmentItem(volume: StoredBlockVolume, store: BlockStore): object | undefined {
  if (volume.attachment === undefined) return undefined;
  const state = store.stateOf(volume);
  return {
    volumeId: volume.id,
    instanceId: volume.attachment.node,
    device: volume.attachment.device,
    status: state === 'in-use' ? 'attached' : state,
    attachTime: new Date(volume.settledAt).toISOString(),
    deleteOnTermination: false,
  };
}

function required(parameters: URLSearchParams, name: string): string {
  const value = parameters.get(name) ?? '';
  if (value !== '') return value;
  throw new Ec2RequestError('MissingParameter', `The request must contain the parameter ${name}`);
}

/** `NAME.1`, `NAME.2` ... */
function listOf(parameters: URLSearchParams, name: string): readonly string[] {
  const values: string[] = [];
  for (let index = 1; parameters.has(`${name}.${index}`); index++)
    values.push(parameters.get(`${name}.${index}`) ?? '');
  return values;
}

function tagsOf(parameters: URLSearchParams): Readonly<Record<string, string>> {
  const tags: Record<string, string> = {};
  const prefix = 'TagSpecification.1.Tag';
  for (let index = 1; parameters.has(`${prefix}.${index}.Key`); index++) {
    tags[parameters.get(`${prefix}.${index}.Key`) ?? ''] = parameters.get(`${prefix}.${index}.Value`) ?? '';
  }
  return tags;
}

type Filters = readonly { readonly name: string; readonly values: readonly string[] }[];

function filtersOf(parameters: URLSearchParams): Filters {
  const filters: { name: string; values: readonly string[] }[] = [];
  for (let index = 1; parameters.has(`Filter.${index}.Name`); index++) {
    filters.push({
      name: parameters.get(`Filter.${index}.Name`) ?? '',
      values: listOf(parameters, `Filter.${index}.Value`),
    });
  }
  return filters;
}

function matches(volume: StoredBlockVolume, filters: Filters): boolean {
  return filters.every(({ name, values }) => {
    if (name === 'attachment.instance-id') return values.includes(volume.attachment?.node ?? '');
    if (name.startsWith('tag:')) return values.includes(volume.tags[name.slice('tag:'.length)] ?? '');
    throw new Ec2RequestError('InvalidParameterValue', `The filter '${name}' is invalid`);
  });
}
