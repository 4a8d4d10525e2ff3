import type { VolumeCommand } from './command-line.ts';

const summaries: Readonly<Record<VolumeCommand, string>> = {
  create: 'Create a volume',
  mount: 'Mount a volume, creating it if the driver does not know it, and print its mountpoint',
  path: 'Print the mountpoint of a volume, nothing while it is not mounted',
  unmount: 'Unmount a volume',
};

const volumeOptsFlag =
  '      --volumeopts key=value   Driver option of a volume that is created; repeatable, or separated by commas\n';
const explicitCreateFlag = '      --explicitcreate         Fail if the driver does not know the volume\n';

const ownFlags: Readonly<Record<VolumeCommand, string>> = {
  create: volumeOptsFlag,
  mount: `${volumeOptsFlag}${explicitCreateFlag}`,
  path: '',
  unmount: '',
};

const globalFlags = `      --volumedriver NAME      Docker volume driver, found by its socket or spec file
      --volumename NAME        Name of the volume
      --timeout DURATION       Give up after this time, for example 90s (default 11m)
  -h, --help                   Print this help
`;

/** The usage of one command, or of the program. */
export function usage(command?: VolumeCommand): string {
  if (command !== undefined) {
    return `${summaries[command]}\n\nUsage:\n  dvdcli ${command} [flags]\n\nFlags:\n${ownFlags[command]}${globalFlags}`;
  }
  const commands = Object.entries(summaries).map(([name, summary]) => `  ${name.padEnd(10)}${summary}\n`);
  return `Talk to a Docker volume driver

Usage:
  dvdcli [flags] COMMAND

Commands:
${commands.join('')}  ${'version'.padEnd(10)}Print the version
  ${'help'.padEnd(10)}Print the help of a command

Flags:
${globalFlags}`;
}
