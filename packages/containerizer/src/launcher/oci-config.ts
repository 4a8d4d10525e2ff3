/**
 * The OCI runtime configuration (`config.json`) of a container, as a pure function. Two kinds of containers: those with
 * the root file system of an image, and those that share the host's root in a mount namespace of their own.
 *
 * A wrong configuration can damage the host: without a mount namespace the runtime stacks a bind of `/` over the host's
 * `/`, and without a `/dev` entry it rewrites the host's devtmpfs. `assertSafeConfig` refuses both, whoever wrote them.
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.0.2/config.md
 */
import type { DeviceRule } from './device-rules.ts';
import { assert } from '@drydock/base/errors';
import type { ContainerMount } from '@drydock/isolator';
import { DEFAULT_CAPABILITIES } from './capabilities.ts';
import type { UserIds } from './user.ts';

export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** The part of the specification that is used here. */
export interface OciConfig {
  readonly ociVersion: string;
  readonly process: {
    readonly terminal: boolean;
    readonly args: readonly string[];
    readonly env: readonly string[];
    readonly cwd: string;
    readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] };
    readonly capabilities: Readonly<Record<'bounding' | 'effective' | 'permitted', readonly string[]>>;
    readonly noNewPrivileges: boolean;
  };
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly mounts: readonly OciMount[];
  readonly linux: {
    readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
    readonly rootfsPropagation: string;
    readonly cgroupsPath?: string;
    readonly resources?: OciResources;
    readonly maskedPaths?: readonly string[];
    readonly readonlyPaths?: readonly string[];
  };
}

interface OciResources {
  readonly devices?: readonly DeviceRule[];
  readonly cpu?: { readonly shares: number };
  readonly memory?: { readonly limit: number; readonly swap?: number };
}

/** Where the container's root comes from. */
export type ContainerRoot =
  | {
      readonly kind: 'image';
      /** Host path that is the container's `/`. */
      readonly rootfs: string;
      /** Host path that is bound to `sandboxTarget`. */
      readonly sandbox: string;
      readonly sandboxTarget: string;
    }
  | {
      readonly kind: 'host';
      /** An empty directory; many containers may share it. */
      readonly emptyDirectory: string;
    };

export interface ContainerLimits {
  /** `/mesos/<id>`, from the root of each hierarchy. */
  readonly cgroupsPath: string;
  readonly cpuShares?: number;
  readonly memoryBytes?: number;
  /** Whether the kernel accounts swap, so that the limit can cover it. */
  readonly hasSwapLimit: boolean;
  /** For a container on the host's root. */
  readonly devices: readonly DeviceRule[];
}

export interface OciConfigOptions {
  readonly root: ContainerRoot;
  /** The task's argv; tini is put in front of it. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** As the container sees it; exists. */
  readonly workingDirectory: string;
  readonly user: UserIds;
  /** From the isolators, in their order. */
  readonly mounts: readonly ContainerMount[];
  /** Host path of a static tini. */
  readonly initPath: string;
  /** Whether the group of terminals, 5, exists for this process. */
  readonly hasTerminalGroup: boolean;
  /** Absent where the machine has no cgroups that the agent may write. */
  readonly limits?: ContainerLimits;
}

/** Debian's `tty`, which owns terminals. */
export const TERMINAL_GROUP = 5;

/** Inside the container's own /dev, where no image and no earlier mount can have anything. */
const INIT_TARGET = '/dev/.init';

/**
 * `rro`, not `ro`: with `ro` the submounts of a bind stay writable.
 * DEVIATION: upstream's read-only covers the top mount only.
 */
const RECURSIVE_READ_ONLY = ['rbind', 'rro'];

const PROC: OciMount = { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] };

function imageMounts(options: OciConfigOptions, root: ContainerRoot & { readonly kind: 'image' }): OciMount[] {
  return [
    PROC,
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: [
        'nosuid',
        'noexec',
        'newinstance',
        'ptmxmode=0666',
        'mode=0620',
        ...(options.hasTerminalGroup ? [`gid=${TERMINAL_GROUP}`] : []),
      ],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
    },
    { destination: INIT_TARGET, type: 'bind', source: options.initPath, options: ['bind', 'ro'] },
    { destination: '/sys', type: 'bind', source: '/sys', options: RECURSIVE_READ_ONLY },
    { destination: root.sandboxTarget, type: 'bind', source: root.sandbox, options: ['rbind', 'rw'] },
  ];
}

/** The first entry makes the host's root the container's; `/dev` keeps the runtime's hands off the host's devtmpfs. */
const HOST_MOUNTS: readonly OciMount[] = [
  { destination: '/', type: 'bind', source: '/', options: ['rbind', 'rslave'] },
  PROC,
  { destination: '/dev', type: 'bind', source: '/dev', options: ['rbind', 'rslave'] },
];

/** Kernel facts that upstream's filesystem/linux hides from containers with an image, too. */
const MASKED_PATHS = ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/sched_debug', '/sys/firmware'];
const READ_ONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/**
 * Builds the configuration; gives only what `assertSafeConfig` accepts.
 *
 * DEVIATION: upstream gives a container a pid namespace only with `namespaces/pid`. Here each has one, with tini as its
 * pid 1, so that its processes surely end with it. A program that cannot be executed thus ends with 127 (missing) or 126
 * as from a shell, where upstream's launch helper exits with 1.
 */
export function createOciConfig(options: OciConfigOptions): OciConfig {
  const { root, user, limits } = options;
  const isImage = root.kind === 'image';
  const capabilities = user.uid === 0 ? DEFAULT_CAPABILITIES : [];
  const config: OciConfig = {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      // -g: signals reach the whole process group of the task, as upstream signals the process tree.
      args: [isImage ? INIT_TARGET : options.initPath, '-g', '--', ...options.argv],
      env: Object.entries(options.environment).map(([name, value]) => `${name}=${value}`),
      cwd: options.workingDirectory,
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: false,
    },
    root: { path: isImage ? root.rootfs : root.emptyDirectory, readonly: false },
    mounts: [...(isImage ? imageMounts(options, root) : HOST_MOUNTS), ...options.mounts.map(toOciMount)],
    linux: {
      namespaces: [{ type: 'mount' }, { type: 'pid' }],
      rootfsPropagation: 'rslave',
      ...(limits === undefined ? {} : { cgroupsPath: limits.cgroupsPath, resources: toResources(limits, isImage) }),
      ...(isImage ? { maskedPaths: MASKED_PATHS, readonlyPaths: READ_ONLY_PATHS } : {}),
    },
  };
  assertSafeConfig(config);
  return config;
}

/**
 * The runtime resolves the target inside the container, links included.
 * DEVIATION: upstream mounts on `<rootfs>/<target>` as the host sees it, so that a link in an image leads out of it; here
 * a link to `/etc` is the container's `/etc`, and a link to the container's root fails the launch.
 */
function toOciMount(mount: ContainerMount): OciMount {
  return {
    destination: mount.target,
    type: 'bind',
    source: mount.source,
    options: mount.isReadOnly ? RECURSIVE_READ_ONLY : ['rbind', 'rw'],
  };
}

function toResources(limits: ContainerLimits, isImage: boolean): OciResources {
  // A container on the host's root sees the host's devices, as upstream without a devices isolator; one with an image
  // gets the runtime's short list.
  return { ...(isImage ? {} : { devices: limits.devices }), ...toLimitedResources(limits) };
}

/** What a runtime's `update` takes. */
export function toLimitedResources({ cpuShares, memoryBytes, hasSwapLimit }: ContainerLimits): OciResources {
  return {
    ...(cpuShares === undefined ? {} : { cpu: { shares: cpuShares } }),
    ...(memoryBytes === undefined
      ? {}
      : { memory: { limit: memoryBytes, ...(hasSwapLimit ? { swap: memoryBytes } : {}) } }),
  };
}

/** Throws AssertionError for a configuration that could change the host. Everything that reaches a runtime passes it. */
export function assertSafeConfig(config: OciConfig): void {
  const { mounts, linux, root, process } = config;
  assert(
    linux.namespaces.some(({ type, path }) => type === 'mount' && path === undefined),
    'A container needs a mount namespace of its own, or its mounts would be made on the host',
  );
  assert(root.path.startsWith('/') && root.path !== '/', `The root of a container must not be '${root.path}'`);
  const isHostRoot = mounts.some(({ destination }) => destination === '/');
  if (isHostRoot) {
    assert(
      mounts[0]?.destination === '/' && mounts[0].source === '/',
      "The first mount of a container on the host's root must be '/'",
    );
    assert(mounts.filter(({ destination }) => destination === '/').length === 1, "Nothing may be mounted over '/'");
  }
  assert(
    mounts.some(({ destination }) => destination === '/dev'),
    "A container needs its own '/dev', or the runtime would change the host's",
  );
  assert(process.cwd.startsWith('/'), `The working directory '${process.cwd}' is not absolute`);
  for (const { destination, options } of mounts) {
    assert(destination.startsWith('/'), `The mount target '${destination}' is not absolute`);
    assert(!destination.split('/').includes('..'), `The mount target '${destination}' contains '..'`);
    assert(
      !options.includes('rbind') || !options.includes('ro'),
      `A recursive read-only bind on '${destination}' needs 'rro'`,
    );
    if (destination === '/sys') assert(options.includes('rro'), "'/sys' must be read-only with its submounts");
  }
}
