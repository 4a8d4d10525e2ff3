import { commandsOf, type VolumeCommand } from './command-line.ts';
import { DEFAULT_COMPAT, type Compat } from './compat.ts';

const summaries: Readonly<Record<VolumeCommand, string>> = {
  create: 'Create a volume',
  get: 'Print the name of a volume if the driver knows it',
  list: 'Print the names of all volumes, one a line',
  mount: 'Mount a volume, creating it if the driver does not know it, and print its mountpoint',
  path: 'Print the mountpoint of a volume, nothing while it is not mounted',
  remove: 'Remove a volume',
  unmount: 'Unmount a volume',
};

const volumeOptsFlag =
  '      --volumeopts key=value   Driver option of a volume that is created; repeatable, or separated by commas\n';
const explicitCreateFlag = '      --explicitcreate         Fail if the driver does not know the volume\n';

function ownFlags(command: VolumeCommand, compat: Compat): string {
  if (command === 'create') return volumeOptsFlag;
  if (command !== 'mount') return '';
  return compat === '0.1' ? volumeOptsFlag : `${volumeOptsFlag}${explicitCreateFlag}`;
}

const globalFlags = `      --volumedriver NAME      Docker volume driver, found by its socket or spec file
      --volumename NAME        Name of the volume
      --timeout DURATION       Give up after this time, for example 90s (default 11m)
      --dvdcli-compat VERSION  Behave as dvdcli 0.1 or 0.2 (default DVDCLI_COMPAT, else ${DEFAULT_COMPAT})
  -h, --help                   Print this help
`;

/** The usage of one command, or of the program. */
export function usage(compat: Compat, command?: VolumeCommand): string {
  if (command !== undefined) {
    const own = ownFlags(command, compat);
    return `${summaries[command]}\n\nUsage:\n  dvdcli ${command} [flags]\n\nFlags:\n${own}${globalFlags}`;
  }
  const commands = commandsOf(compat).map((name) => `  ${name.padEnd(10)}${summaries[name]}\n`);
  return `Talk to a Docker volume driver

Usage:
  dvdcli [flags] COMMAND

Commands:
${commands.join('')}  ${'version'.padEnd(10)}Print the version
  ${'help'.padEnd(10)}Print the help of a command

Flags:
${globalFlags}`;
}
