/** What a command line of mesos-execute asks for. Reads the files that flags name, talks to nobody. */
import { DomainError, messageOf } from '@drydock/base/errors';
import { FlagsError, type FlagValues } from '@drydock/base/gflags';
import {
  JsonMappingError,
  ResourcesError,
  fromJson,
  parseResources,
  volumeType,
  type ContainerInfo,
  type ContentType,
  type EnvironmentVariable,
  type FrameworkCapability,
  type FrameworkInfo,
  type Resource,
  type TaskInfo,
  type Volume,
} from '@drydock/mesos';
import type { executeFlags } from './flags.ts';
import { readJsonFlag } from './json-flag.ts';

type ExecuteFlags = FlagValues<typeof executeFlags>;

/** A flag's value cannot be used; the text is upstream's, after `EXIT with status 1: `. */
export class ExecuteFlagError extends DomainError<'EXECUTE_FLAG'> {
  readonly code = 'EXECUTE_FLAG';
  /** Whether upstream prints the usage as well. */
  readonly isUsage: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isUsage?: boolean } = {}) {
    super(message, options);
    this.isUsage = options.isUsage ?? false;
  }
}

/** One task to run and the framework that runs it. */
export interface ExecuteRequest {
  /** `host:port` */
  readonly master: string;
  readonly contentType: ContentType;
  readonly frameworkInfo: FrameworkInfo;
  /** Complete but for the agent. */
  readonly task: Omit<TaskInfo, 'agent_id'> & { readonly resources: Resource[] };
  /** From TASK_RUNNING; undefined = never. */
  readonly killAfterMs: number | undefined;
}

/**
 * Turns flags into a request, checked in upstream's order.
 * @throws ExecuteFlagError, FlagsError
 */
export function executeRequest(flags: ExecuteFlags, user: string): ExecuteRequest {
  const { name, command } = flags;
  if (name === undefined) throw new ExecuteFlagError('Missing required option --name', { isUsage: true });
  if (flags.shell && command === undefined) {
    throw new ExecuteFlagError('Missing required option --command', { isUsage: true });
  }
  if (!isHostAndPort(flags.master)) throw new ExecuteFlagError(`Could not parse --master=${flags.master}`);
  const contentType = contentTypeOf(flags.content_type);
  const variables = flags.env === undefined ? [] : environmentOf(flags.env);
  const volumes = flags.volumes === undefined ? [] : volumesOf(flags.volumes);
  const resources = resourcesOf(flags.resources);
  const container = containerOf(flags.docker_image, volumes);
  return {
    master: flags.master,
    contentType,
    killAfterMs: flags.kill_after,
    frameworkInfo: frameworkInfoOf(flags, user),
    task: {
      name,
      task_id: { value: name },
      resources,
      command: {
        shell: flags.shell,
        // As upstream: without a shell, the image says what runs.
        ...(flags.shell && command !== undefined ? { value: command } : {}),
        ...(variables.length === 0 ? {} : { environment: { variables } }),
      },
      ...(container === undefined ? {} : { container }),
    },
  };
}

function frameworkInfoOf(flags: ExecuteFlags, user: string): FrameworkInfo {
  const capabilities: FrameworkCapability[] = ['RESERVATION_REFINEMENT', 'TASK_KILLING_STATE', 'REVOCABLE_RESOURCES'];
  if (flags.partition_aware) capabilities.push('PARTITION_AWARE');
  return {
    user,
    name: 'mesos-execute instance',
    role: flags.role,
    checkpoint: flags.checkpoint,
    capabilities: capabilities.map((type) => ({ type })),
    ...(flags.principal === undefined ? {} : { principal: flags.principal }),
  };
}

function isHostAndPort(text: string): boolean {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}

function contentTypeOf(text: string): ContentType {
  if (text === 'json' || text === 'application/json') return 'application/json';
  if (text === 'protobuf' || text === 'application/x-protobuf') return 'application/x-protobuf';
  throw new ExecuteFlagError(`Invalid content type '${text}'`);
}

function environmentOf(text: string): EnvironmentVariable[] {
  const value = readJsonFlag('env', text);
  const fail = (why: string): FlagsError => new FlagsError([`Failed to load value '${text}' for flag 'env': ${why}`]);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail('Expecting a JSON object');
  return Object.entries(value).map(([name, one]: [string, unknown]) => {
    if (typeof one !== 'string') throw fail('Expecting string values');
    return { name, type: 'VALUE', value: one };
  });
}

function volumesOf(text: string): Volume[] {
  const value = readJsonFlag('volumes', text);
  if (!Array.isArray(value)) {
    throw new FlagsError([`Failed to load value '${text}' for flag 'volumes': Expecting a JSON array`]);
  }
  try {
    return value.map((one: unknown) => fromJson(volumeType, one));
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

function containerOf(image: string | undefined, volumes: Volume[]): ContainerInfo | undefined {
  if (image === undefined && volumes.length === 0) return undefined;
  return {
    type: 'MESOS',
    ...(volumes.length === 0 ? {} : { volumes }),
    ...(image === undefined ? {} : { mesos: { image: { type: 'DOCKER', docker: { name: image } } } }),
  };
}
