import { DEFAULT_ROOT, DEFAULT_SOCKET_PATH, DEFAULT_SPEC_DIRECTORY, type CommandName } from './command-line.ts';

const summaries: Readonly<Record<CommandName, string>> = {
  daemon: 'start the daemon, a Docker volume plugin',
  info: 'information about the daemon',
  snapshot: 'not supported: snapshot create|delete|inspect',
  backup: 'not supported: backup create|delete|list|inspect',
  create: 'create a new volume: create [volume_name] [options]',
  delete: 'delete volumes: delete <volume>... [options]',
  list: 'list all managed volumes',
  inspect: 'inspect a certain volume: inspect <volume>',
  mount: 'mount a volume: mount <volume>',
  umount: 'umount a volume: umount <volume>',
};

const daemonOptions = `   --root DIR              where volumes and their records are kept (default ${DEFAULT_ROOT})
   --drivers NAME          devicemapper (each volume an ext4 file system on a loop device) or vfs (plain directories);
                           default: what this root was used with before, else the first that this machine can do
   --driver-opts K=V       vfs.path=DIR (default ROOT/vfs), vfs.defaultvolumesize=SIZE,
                           dm.defaultvolumesize=SIZE (default 1G), dm.fs=ext4; repeatable
                           dm.thinpoolblocksize=SECTORS (default 4096); dm.datadev, dm.metadatadev and dm.thinpoolname
                           are taken and not used
   --ignore-docker-delete  a removal through the plugin API removes nothing
   --create-on-docker-mount  a mount of an unknown volume through the plugin API creates it
   --cmd-timeout DURATION  accepted, shown by info
   --log FILE              write log lines there
   --compat 0.4|0.5        speak like 0.4.3 (no Get, List, Capabilities; UUIDs) or 0.5.2, the default
   --ignore-config-file    use the flags although ROOT/convoy.cfg says something else
   --plugin-name NAME      name of the Docker volume driver (default convoy)
   --plugin-spec-dir DIR   where NAME.spec is written at start and removed at stop (default ${DEFAULT_SPEC_DIRECTORY})
   --faults TERMS          misbehave, for tests: "mount: 1*off -> error(TEXT); get[VOLUME]: hang"; see the README of
                           packages/fake-drivers
   --debug                 accepted
`;

const options: Readonly<Record<CommandName, string>> = {
  daemon: daemonOptions,
  create: `   --size SIZE             in bytes, or ending in K, M or G, if the driver supports it
   --driver NAME           the driver of the volume, if it is not the default one
   --backup URL            not supported
   --s3-endpoint, --id, --type, --iops, --vm   accepted; they mean nothing to these drivers
`,
  delete: `   --reference, -r         only delete the reference of the volume, keep its data
`,
  list: `   --driver                what the driver itself tells of each volume
`,
  info: '',
  snapshot: '',
  backup: '',
  inspect: '',
  mount: `   --mountpoint DIR        where to mount it, if the driver supports it
`,
  umount: '',
};

/** The help of one command, or of the program. */
export function usage(command?: CommandName): string {
  if (command !== undefined) {
    return `NAME:\n   convoy ${command} - ${summaries[command]}\n\nOPTIONS:\n${options[command]}   --help, -h              show help\n`;
  }
  const commands = Object.entries(summaries).map(([name, summary]) => `   ${name.padEnd(9)} ${summary}\n`);
  return `NAME:
   convoy - a stand-in for Rancher's volume manager, with its command line

USAGE:
   convoy [global options] command [command options] [arguments...]

COMMANDS:
${commands.join('')}
GLOBAL OPTIONS:
   --socket, -s PATH       the daemon's socket (default ${DEFAULT_SOCKET_PATH})
   --compat 0.4|0.5        speak like convoy 0.4.3 or 0.5.2 (default)
   --verbose               let create and mount show the volume as JSON
   --debug, -d             accepted
   --version, -v           print the version
   --help, -h              show help
`;
}
