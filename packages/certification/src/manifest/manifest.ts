/**
 * `driver.yaml`: what a vendor says of a driver. It decides which checks count, with which options volumes are made, and
 * how the driver is started again.
 */
import type { PluginAddress } from '@drydock/volume-plugin';
import { z } from 'zod';

const text = z.string().min(1);
const argv = z.tuple([text], text);
const absolutePath = z.string().regex(/^\//, 'expected an absolute path');
const milliseconds = z.int().min(100).max(900_000);

/** Shorter ones would make holes in texts that have nothing to do with them. */
const SECRET_LENGTH_MIN = 4;

const optionValue = z.union([
  z.string(),
  z.strictObject({ value: z.string().min(SECRET_LENGTH_MIN), secret: z.literal(true) }),
  z.strictObject({ env: text, secret: z.boolean().default(true) }),
]);

/** Checks that need them are skipped, with the reason, when they are not declared. */
const capabilities = z.strictObject({
  tls: z.boolean().default(false).describe('a .json spec with TLSConfig, and clients need a certificate'),
  implicitCreate: z.boolean().default(true).describe('Create takes any name; volumes need not be made by other means'),
  shared: z.boolean().default(false).describe('two hosts may have a volume mounted at once'),
  exclusive: z.boolean().default(false).describe('one host at a time; others are refused'),
  preempt: z.boolean().default(false).describe('one host at a time; the last one to ask takes it'),
  durable: z.boolean().default(false).describe('what was fsynced survives a loss of power of the backing store'),
  bigfile: z.boolean().default(false).describe('files over 4 GiB, sparse'),
  xattr: z.boolean().default(false).describe('extended attributes of users'),
  locks: z.boolean().default(false).describe('flock and fcntl locks exclude processes of two containers'),
  quota: z.boolean().default(false).describe('a volume has the size that its options say'),
});

const restart = z.union([
  z.strictObject({ systemd: text.describe('the unit that runs the driver') }),
  z.strictObject({
    start: argv.describe('program and arguments that run the driver, in the foreground'),
    pid: z.int().min(2).optional().describe('its process now; default: whoever listens at its socket'),
  }),
]);

export const manifestSchema = z.strictObject({
  name: text.max(200).describe('name of the plugin: what --volume-driver and docker_volume.driver say'),
  vendor: text,
  version: text,
  socket: absolutePath.optional().describe('where it listens; default: looked up as Docker does'),
  discovery: z
    .strictObject({ sockets: absolutePath, specs: z.array(absolutePath) })
    .optional()
    .describe('directories that are looked into; default: those of Docker'),
  namespace: z
    .union([z.literal('host'), z.strictObject({ pid: z.int().min(1) })])
    .default('host')
    .describe('the mount namespace in which the Mesos agent would run'),
  scope: z.enum(['local', 'global']),
  capabilities: capabilities.default(capabilities.parse({})),
  options: z
    .strictObject({
      create: z.record(text, optionValue).default({}).describe('options of every Create; <name> is the volume'),
      required: z.array(text).default([]).describe('options without which Create or Mount is refused'),
      failing: z
        .record(text, z.string())
        .optional()
        .describe('options with which Create or the first Mount fails; <name> is the volume'),
      probe: argv.optional().describe('a program that succeeds in a mountpoint where the options had their effect'),
    })
    .prefault({}),
  sizeBytes: z.int().min(1).optional().describe('of a volume with these options, for capabilities.quota'),
  seedFiles: z.array(text).default([]).describe('what a new volume holds, such as lost+found'),
  removePolicy: z
    .enum(['delete', 'reference', 'noop'])
    .default('delete')
    .describe('what Remove does: it deletes the data, only forgets the volume, or does nothing'),
  removeMounted: z
    .enum(['refuse', 'defer'])
    .default('refuse')
    .describe('what Remove of a mounted volume does: it is refused, or takes effect after Unmount'),
  plainDirectory: z.boolean().default(false).describe('volumes are directories of the host, nothing is mounted'),
  backingDirectory: absolutePath.optional().describe('where the data of a plain-directory driver must lie'),
  log: absolutePath.optional().describe("the driver's log file"),
  vendorCli: z
    .strictObject({ create: argv, remove: argv })
    .optional()
    .describe("the vendor's own commands that make and remove the volume <name>"),
  restart: restart.optional(),
  budgets: z
    .strictObject({
      callMs: milliseconds.default(10_000).describe('a call but Mount'),
      mountMs: milliseconds.default(30_000).describe('Mount; Mesos gives up after 120 s'),
      settleMs: milliseconds.default(5_000).describe('until the mount table shows an Unmount'),
      raceMs: milliseconds.default(20_000).describe('races, pauses and slow clients of a check, within checkMs'),
      checkMs: milliseconds.default(60_000).describe('a whole check'),
    })
    .prefault({}),
  configuration: z.string().optional().describe('how the driver has to be configured for Mesos, for the report'),
});

/** A manifest with every default filled in. */
export type Manifest = z.infer<typeof manifestSchema>;

type DeclaredCapability = keyof Manifest['capabilities'];

/** What a check can depend on: declared capabilities, and what follows from the rest of the manifest. */
export type Capability =
  | DeclaredCapability
  | 'requiredOption'
  | 'secretOption'
  | 'optionProbe'
  | 'socket'
  | 'global'
  | 'local'
  | 'outOfBand';

/** Why a check that needs the capability does not count for this driver; undefined when it does. */
export function lackOf(
  capability: Capability,
  manifest: Manifest,
  address: Pick<PluginAddress, 'kind'>,
): string | undefined {
  switch (capability) {
    case 'requiredOption':
      return manifest.options.required.length > 0 ? undefined : 'options.required of the manifest is empty';
    case 'secretOption':
      return Object.values(manifest.options.create).some((value) => typeof value !== 'string' && value.secret)
        ? undefined
        : 'options.create of the manifest has no secret';
    case 'optionProbe':
      return manifest.options.probe === undefined ? 'the manifest has no options.probe' : undefined;
    case 'socket':
      return address.kind === 'unix' ? undefined : 'the driver listens on TCP';
    case 'global':
    case 'local':
      return manifest.scope === capability ? undefined : `the manifest declares the scope ${manifest.scope}`;
    case 'outOfBand':
      return manifest.vendorCli === undefined ? 'the manifest has no vendorCli' : undefined;
    default:
      return manifest.capabilities[capability] ? undefined : `the manifest does not declare capabilities.${capability}`;
  }
}
