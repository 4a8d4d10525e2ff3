/** What a command line of mesos-execute asks for. Reads the files that flags name, talks to nobody. */
import { messageOf } from '@drydock/base/errors';
import type { FlagValues } from '@drydock/base/gflags';
import {
  JsonMappingError,
  ResourcesError,
  capabilityInfoType,
  fromJson,
  parseResources,
  rlimitInfoType,
  taskGroupInfoType,
  taskInfoType,
  volumeType,
  type CapabilityInfo,
  type ContentType,
  type EnvironmentVariable,
  type FrameworkCapability,
  type FrameworkInfo,
  type RLimitInfo,
  type Resource,
  type SubscribeOptions,
  type TaskGroupInfo,
  type TaskInfo,
  type Volume,
} from '@drydock/mesos';
import { isHostAndPort } from '../host-and-port.ts';
import { containerInfoOf } from './container-info.ts';
import { ExecuteFlagError } from './execute-flag-error.ts';
import type { executeFlags } from './flags.ts';
import { loadError, readJsonFlag, readMessageFlag, readObjectFlag } from './json-flag.ts';

type ExecuteFlags = FlagValues<typeof executeFlags>;

/** Its agent is that of the offer. */
export type TaskToRun = Omit<TaskInfo, 'agent_id'>;

/** What is to be launched: one task, or tasks that start and end together. */
export type Launch =
  | { readonly kind: 'task'; readonly task: TaskToRun }
  | { readonly kind: 'group'; readonly tasks: readonly TaskToRun[]; readonly networks: readonly string[] };

/** What is to run and the framework that runs it. */
export interface ExecuteRequest {
  /** `host:port` */
  readonly master: string;
  readonly contentType: ContentType;
  readonly frameworkInfo: FrameworkInfo & { readonly role: string };
  readonly credential: NonNullable<SubscribeOptions['credential']> | undefined;
  readonly launch: Launch;
  /** From TASK_RUNNING; undefined = never. */
  readonly killAfterMs: number | undefined;
}

/** What flags hold as JSON: upstream reads it before it looks at anything else. */
interface ReadFlags {
  readonly task: TaskInfo | undefined;
  readonly group: TaskGroupInfo | undefined;
  readonly variables: EnvironmentVariable[] | undefined;
  /** Not converted yet. */
  readonly volumes: readonly unknown[] | undefined;
  readonly effectiveCapabilities: CapabilityInfo | undefined;
  readonly boundingCapabilities: CapabilityInfo | undefined;
  readonly rlimits: RLimitInfo | undefined;
}

/**
 * Turns flags into a request, checked in upstream's order.
 * @throws ExecuteFlagError, FlagsError
 * @see src/cli/execute.cpp main
 */
export function executeRequest(flags: ExecuteFlags, user: string): ExecuteRequest {
  const read = readFlags(flags);
  checkCombination(flags);
  if (!isHostAndPort(flags.master)) throw new ExecuteFlagError(`Could not parse --master=${flags.master}`);
  const contentType = contentTypeOf(flags.content_type);
  if (flags.package !== undefined) {
    throw new ExecuteFlagError("'--package' is not supported: nothing is uploaded into HDFS here");
  }
  if (flags.appc_image !== undefined && flags.docker_image !== undefined) {
    throw new ExecuteFlagError("Flags '--docker-image' and '--appc-image' are both set");
  }
  const capabilities = capabilitiesOf(flags);
  const volumes = volumesOf(read.volumes ?? []);
  const { principal, secret } = flags;
  return {
    master: flags.master,
    contentType,
    killAfterMs: flags.kill_after,
    frameworkInfo: {
      user,
      name: 'mesos-execute instance',
      role: flags.role,
      checkpoint: flags.checkpoint,
      capabilities: capabilities.map((type) => ({ type })),
      ...(principal === undefined ? {} : { principal }),
    },
    credential: principal === undefined || secret === undefined ? undefined : { principal, secret },
    launch: launchOf(flags, read, volumes),
  };
}

function launchOf(flags: ExecuteFlags, read: ReadFlags, volumes: Volume[]): Launch {
  if (read.group === undefined) return { kind: 'task', task: read.task ?? taskOf(flags, read, volumes) };
  const { tasks = [] } = read.group;
  // DEVIATION: upstream submits it and then waits for ever: nothing of it can end.
  if (tasks.length === 0) throw new ExecuteFlagError("Expecting '--task_group' to have at least one task");
  return { kind: 'group', tasks, networks: networksOf(flags) };
}

function networksOf({ networks = '' }: ExecuteFlags): readonly string[] {
  return networks.split(',').filter((network) => network !== '');
}

function readFlags(flags: ExecuteFlags): ReadFlags {
  const capabilities = (name: 'effective_capabilities' | 'bounding_capabilities'): CapabilityInfo | undefined => {
    const text = flags[name];
    return text === undefined ? undefined : readMessageFlag(name, text, capabilityInfoType);
  };
  const withAgent = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
    agent_id: { value: '' },
    ...value,
  });
  const withAgents = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
    ...value,
    // Whatever else stands there is refused with the type that was expected.
    ...(Array.isArray(value['tasks'])
      ? { tasks: value['tasks'].map((task: unknown) => (isObject(task) ? withAgent(task) : task)) }
      : {}),
  });
  const { task_group: group } = flags;
  return {
    task: flags.task === undefined ? undefined : readMessageFlag('task', flags.task, taskInfoType, withAgent),
    group: group === undefined ? undefined : readMessageFlag('task_group', group, taskGroupInfoType, withAgents),
    variables: flags.env === undefined ? undefined : environmentOf(flags.env),
    volumes: flags.volumes === undefined ? undefined : arrayOf('volumes', flags.volumes),
    effectiveCapabilities: capabilities('effective_capabilities'),
    boundingCapabilities: capabilities('bounding_capabilities'),
    rlimits: flags.rlimits === undefined ? undefined : readMessageFlag('rlimits', flags.rlimits, rlimitInfoType),
  };
}

function checkCombination(flags: ExecuteFlags): void {
  const fail = (message: string): ExecuteFlagError => new ExecuteFlagError(message, { isUsage: true });
  const { task, task_group: group, name, command } = flags;
  if (task !== undefined && group !== undefined) {
    throw fail("Either task or task group should be set but not both. Provide either '--task' OR '--task_group'");
  }
  if (task === undefined && group === undefined) {
    if (name === undefined) throw fail('Missing required option --name');
    if (flags.shell && command === undefined) throw fail('Missing required option --command');
    return;
  }
  const others = [name, command, flags.env, flags.appc_image, flags.docker_image, flags.volumes];
  if (others.some((value) => value !== undefined)) {
    throw fail(
      "'--name, --command, --env, --appc_image, --docker_image, --volumes' can only be set when both '--task' and '--task_group' are not set",
    );
  }
  if (task !== undefined && flags.networks !== undefined) {
    throw fail("'--networks' can only be set when '--task' is not set");
  }
}

function taskOf(flags: ExecuteFlags, read: ReadFlags, volumes: Volume[]): TaskToRun {
  const { name = '', command, shell } = flags;
  const { variables = [] } = read;
  const resources = resourcesOf(flags.resources);
  const container = containerInfoOf({
    containerizer: flags.containerizer,
    volumes,
    networks: networksOf(flags),
    appcImage: flags.appc_image,
    dockerImage: flags.docker_image,
    effectiveCapabilities: read.effectiveCapabilities,
    boundingCapabilities: read.boundingCapabilities,
    rlimits: read.rlimits,
    hasTty: flags.tty,
  });
  return {
    name,
    task_id: { value: name },
    resources,
    command: {
      shell,
      // As upstream: without a shell, the image says what runs.
      ...(shell && command !== undefined ? { value: command } : {}),
      ...(variables.length === 0 ? {} : { environment: { variables } }),
    },
    ...(container === undefined ? {} : { container }),
  };
}

function contentTypeOf(text: string): ContentType {
  if (text === 'json' || text === 'application/json') return 'application/json';
  if (text === 'protobuf' || text === 'application/x-protobuf') return 'application/x-protobuf';
  throw new ExecuteFlagError(`Invalid content type '${text}'`);
}

const CAPABILITIES: ReadonlySet<string> = new Set<FrameworkCapability>([
  'UNKNOWN',
  'REVOCABLE_RESOURCES',
  'TASK_KILLING_STATE',
  'GPU_RESOURCES',
  'SHARED_RESOURCES',
  'PARTITION_AWARE',
  'MULTI_ROLE',
  'RESERVATION_REFINEMENT',
  'REGION_AWARE',
]);

function capabilitiesOf(flags: ExecuteFlags): FrameworkCapability[] {
  const capabilities: FrameworkCapability[] = ['RESERVATION_REFINEMENT', 'TASK_KILLING_STATE', 'REVOCABLE_RESOURCES'];
  if (flags.partition_aware) capabilities.push('PARTITION_AWARE');
  const further = (flags.framework_capabilities ?? '').split(',').filter((name) => name !== '');
  for (const name of new Set(further)) {
    if (name !== 'GPU_RESOURCES') {
      const kind = CAPABILITIES.has(name) ? 'unsupported' : 'unknown';
      throw new ExecuteFlagError(`Flags '--framework_capabilities' specifies an ${kind} capability '${name}'`);
    }
    capabilities.push(name);
  }
  return capabilities;
}

function environmentOf(text: string): EnvironmentVariable[] {
  const value = readObjectFlag('env', text);
  return Object.entries(value).map(([name, one]) => {
    if (typeof one === 'string') return { name, type: 'VALUE', value: one };
    throw loadError('env', text, `The value of key '${name}' in '${JSON.stringify(value)}' is not a string`);
  });
}

function arrayOf(name: string, text: string): readonly unknown[] {
  const value = readJsonFlag(name, text);
  if (Array.isArray(value)) return value;
  throw loadError(name, text, 'Expecting a JSON array');
}

function volumesOf(values: readonly unknown[]): Volume[] {
  try {
    return values.map((one) => fromJson(volumeType, one));
  } catch (error) {
    if (!(error instanceof JsonMappingError)) throw error;
    throw new ExecuteFlagError(`Failed to convert '--volumes' to protobuf: ${error.message}`, { cause: error });
  }
}

function resourcesOf(text: string): Resource[] {
  try {
    return parseResources(text);
  } catch (error) {
    if (!(error instanceof ResourcesError)) throw error;
    throw new ExecuteFlagError(`Failed to parse resources '${text}': ${messageOf(error)}`, { cause: error });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
