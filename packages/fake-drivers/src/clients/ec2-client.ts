/** Speaks EC2's query API, as far as volumes go. A create is repeated with its client token. */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import type { CallOptions } from '../backing/volume-backing.ts';
import { EC2_VERSION } from '../emulators/ec2-api.ts';
import {
  BlockStoreRefusalError,
  unlessRefused,
  type BlockStoreClient,
  type BlockVolume,
} from './block-store-client.ts';
import { toFields, toText, type Fields } from './json-fields.ts';
import {
  requestRetrying,
  RetryableError,
  type Answer,
  type RequestPorts,
  type RetrySchedule,
} from './retrying-request.ts';

export interface Ec2ClientOptions {
  readonly endpoint: string;
  /** This node's instance id, `i-...`. */
  readonly node: string;
  readonly ports: RequestPorts;
  readonly schedule?: RetrySchedule;
}

const LISTS = new Set(['item']);
const parser = new XMLParser({ parseTagValue: false, isArray: (name) => LISTS.has(name) });

export function createEc2Client(options: Ec2ClientOptions): BlockStoreClient {
  const call = async (
    action: string,
    parameters: Readonly<Record<string, string>>,
    { signal }: CallOptions,
  ): Promise<Fields> => {
    const { endpoint, ports, schedule = {} } = options;
    const body = new URLSearchParams({ Action: action, Version: EC2_VERSION, ...parameters }).toString();
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' };
    return await requestRetrying({
      ...schedule,
      what: `EC2 ${action}`,
      url: `${endpoint}/`,
      init: { method: 'POST', headers, body },
      read: (answer) => readAnswer(answer, `${action}Response`),
      ports,
      signal,
    });
  };
  const describe = async (
    parameters: Readonly<Record<string, string>>,
    to: CallOptions,
  ): Promise<readonly BlockVolume[]> =>
    items((await call('DescribeVolumes', parameters, to))['volumeSet']).map(toBlockVolume);
  return {
    node: options.node,
    list: async (to) => await describe({}, to),
    async get(id, to) {
      return (await unlessRefused(['InvalidVolume.NotFound'], describe({ 'VolumeId.1': id }, to)))?.[0];
    },
    async create({ name, sizeGib }, to) {
      const parameters = {
        Size: String(sizeGib),
        AvailabilityZone: 'drydock-1a',
        ClientToken: options.ports.random.hex(16),
        'TagSpecification.1.ResourceType': 'volume',
        'TagSpecification.1.Tag.1.Key': 'Name',
        'TagSpecification.1.Tag.1.Value': name,
      };
      return toBlockVolume(await call('CreateVolume', parameters, to));
    },
    async delete(id, to) {
      await unlessRefused(['InvalidVolume.NotFound'], call('DeleteVolume', { VolumeId: id }, to));
    },
    async attach(id, to) {
      await call('AttachVolume', { VolumeId: id, InstanceId: options.node, Device: '/dev/xvdf' }, to);
    },
    async detach(id, { isForced, signal }) {
      const parameters = { VolumeId: id, Force: String(isForced) };
      await unlessRefused(['IncorrectState'], call('DetachVolume', parameters, { signal }));
    },
  };
}

/** @throws RetryableError for throttling, failures of the service and nonsense, BlockStoreRefusalError otherwise */
function readAnswer({ status, body }: Answer, root: string): Fields {
  if (XMLValidator.validate(body) !== true) throw new RetryableError(`status ${status}, no XML: ${body.slice(0, 100)}`);
  const document = toFields(parser.parse(body));
  if (status === 200) {
    const answer = toFields(document[root]);
    const isWhole =
      root === 'DescribeVolumesResponse'
        ? 'volumeSet' in answer && items(answer['volumeSet']).every((volume) => toText(volume['volumeId']) !== '')
        : root !== 'CreateVolumeResponse' || toText(answer['volumeId']) !== '';
    if (document[root] === undefined || !isWhole) throw new RetryableError(`status 200 without what ${root} holds`);
    return answer;
  }
  const error = toFields(toFields(toFields(document['Response'])['Errors'])['Error']);
  const [code, message] = [toText(error['Code']), toText(error['Message'])];
  if (status >= 500 || code === 'RequestLimitExceeded')
    throw new RetryableError(`status ${status}, ${code}: ${message}`);
  throw new BlockStoreRefusalError(code || `status ${status}`, message || 'no error in the answer');
}

function toBlockVolume(volume: Fields): BlockVolume {
  const attachment = items(volume['attachmentSet'])[0];
  const tags = items(volume['tagSet']);
  const name = toText(tags.find((tag) => toText(tag['key']) === 'Name')?.['value']);
  return {
    id: toText(volume['volumeId']),
    name,
    sizeGib: Number(toText(volume['size'])),
    createdAt: Date.parse(toText(volume['createTime'])),
    state: toState(attachment === undefined ? toText(volume['status']) : toText(attachment['status'])),
    ...(attachment === undefined ? {} : { node: toText(attachment['instanceId']) }),
    status: {
      name,
      size: Number(toText(volume['size'])),
      availabilityZone: toText(volume['availabilityZone']),
      service: 'ebs',
    },
  };
}

function toState(status: string): BlockVolume['state'] {
  switch (status) {
    case 'creating':
    case 'available':
    case 'attaching':
    case 'detaching':
      return status;
    case 'attached':
    case 'in-use':
      return 'in-use';
    default:
      return 'other';
  }
}

function items(list: unknown): readonly Fields[] {
  const { item } = toFields(list);
  return Array.isArray(item) ? item.map(toFields) : [];
}
