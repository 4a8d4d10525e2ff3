import { stringify } from 'yaml';
import type { PluginFacts } from './probe-plugin.ts';

/** A manifest to be filled in: what was found out, what is still a guess, and what else can be said. */
export function draftManifest(facts: PluginFacts): string {
  const { name, socket, scope, tellsScope, hasGet, hasList, address } = facts;
  const value = (text: string): string => stringify(text).trimEnd();
  const missing = [...(hasGet ? [] : ['Get']), ...(hasList ? [] : ['List'])];
  return `# What drydock certify has to know of the driver. Found at ${address}${missing.length === 0 ? '' : `; it has no ${missing.join(' and no ')}`}.
# Lines that begin with '#' show what else can be said. Unknown fields are refused.

# The plugin's name: what docker_volume.driver of a task says.
name: ${value(name)}
vendor: unknown
version: unknown
${socket === undefined ? '# socket: /run/docker/plugins/NAME.sock      default: looked up by name, as Docker does' : `socket: ${value(socket)}`}

# ${tellsScope ? 'As Capabilities tells it' : 'Capabilities does not tell it, so clients take it for local'}.
scope: ${scope}

# Where the Mesos agent would run: the host, or the mount namespace of a process, for example {pid: 1234}.
namespace: host

# Checks that need what is not declared are skipped, with that reason.
capabilities:
  implicitCreate: true   # Create takes any name
  tls: false             # clients need a certificate (.json with TLSConfig)
  shared: false          # two hosts may mount a volume at once
  exclusive: false       # one host at a time, others are refused
  preempt: false         # one host at a time, the last to ask takes it
  durable: false         # fsynced data survive a loss of power of the store
  bigfile: false         # files over 4 GiB
  xattr: false           # extended attributes
  locks: false           # flock and fcntl between containers
  quota: false           # a volume has the size of its options

options:
  # Of every Create; <name> stands for the volume. Secrets appear in no report.
  create: {}
  #   size: 1G
  #   password: {env: DRIVER_PASSWORD}         from a variable, secret
  #   token: {value: not-a-good-place, secret: true}
  # Options without which Create or Mount is refused.
  required: []
  # Options with which Create or the first Mount fails, to see what that leaves behind.
  # failing: {server: unreachable.invalid}
  # A program that succeeds in the mountpoint of a volume with these options.
  # probe: [sh, -c, 'test "$(stat -fc %T .)" = nfs']

# How large a volume with these options is; for capabilities.quota.
# sizeBytes: 1073741824

# What a new volume holds.
seedFiles: []            # [lost+found]

# What Remove does: delete the data, reference (only forget the volume), or noop.
removePolicy: delete

# What Remove of a mounted volume does: refuse, or defer (it takes effect after Unmount).
removeMounted: refuse

# Whether volumes are plain directories of the host, with nothing mounted.
plainDirectory: false

# The vendor's own commands, for volumes that are made by other means than Create.
# vendorCli:
#   create: [convoy, create, <name>]
#   remove: [convoy, delete, <name>]

# How the driver is started again. The tier resilient ends it on purpose.
# restart: {systemd: convoy.service}
# restart: {start: [/usr/local/bin/driver, --flag]}

# log: /var/log/driver.log

# How long, in ms, it may take. Mesos gives a Mount 120 s.
budgets:
  callMs: 10000
  mountMs: 30000
  settleMs: 5000
  raceMs: 20000
  checkMs: 60000

# How it has to be configured for Mesos; printed in the report.
# configuration: 'linux.volume.unmount.ignoreUsedCount=true'
`;
}
