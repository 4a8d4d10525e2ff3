import { describe, expect, it } from 'vitest';
import { CommandLineError, parseCommandLine } from './command-line.ts';

const global = { socketPath: '/var/run/convoy/convoy.sock', isVerbose: false };

describe('parseCommandLine', () => {
  it.each([
    ['create v1', { kind: 'create', global, name: 'v1', size: '', driver: '' }],
    ['create --size 1G v1', { kind: 'create', global, name: 'v1', size: '1G', driver: '' }],
    [
      '--socket /s --verbose create v1 --size=1G',
      { kind: 'create', global: { socketPath: '/s', isVerbose: true }, name: 'v1', size: '1G', driver: '' },
    ],
    ['create', { kind: 'create', global, name: '', size: '', driver: '' }],
    ['delete v1 v2 -r', { kind: 'delete', global, names: ['v1', 'v2'], referenceOnly: true }],
    ['list', { kind: 'list', global }],
    ['umount v1', { kind: 'umount', global, name: 'v1' }],
    ['mount v1 --mountpoint /m', { kind: 'mount', global, name: 'v1', mountpoint: '/m' }],
    ['--version', { kind: 'version' }],
    ['', { kind: 'help' }],
    ['help create', { kind: 'help', command: 'create' }],
    ['daemon --help', { kind: 'help', command: 'daemon' }],
    [
      'daemon',
      {
        kind: 'daemon',
        flags: {
          socketPath: '/var/run/convoy/convoy.sock',
          root: '/var/lib/rancher/convoy',
          drivers: [],
          driverOptions: [],
          ignoresConfigFile: false,
          pluginName: 'convoy',
          specDirectory: '/etc/docker/plugins',
          faults: '',
        },
      },
    ],
  ])('reads `convoy %s`', (line, expected) => {
    expect(parseCommandLine(line.split(' ').filter((word) => word !== ''))).toEqual(expected);
  });

  it('takes the socket of the daemon before or after the command', () => {
    const before = parseCommandLine(['--socket', '/s', 'daemon']);
    expect(before).toEqual(parseCommandLine(['daemon', '--socket=/s']));
    expect(before).toMatchObject({ flags: { socketPath: '/s' } });
  });

  it.each([
    ['unmount v1', 'Unrecognized command: unmount'],
    ['create --bogus', "Unknown option '--bogus'"],
    ['create v1 v2', 'at most one volume name'],
    ['inspect', 'the name of a volume'],
    ['daemon --root relative', 'Expected --root to be an absolute path, got relative'],
    ['daemon --drivers vfs --drivers devicemapper', 'Expected --drivers once'],
    ['daemon --plugin-name a/b', 'Expected --plugin-name'],
    ['daemon v1', 'Unexpected argument of daemon: v1'],
  ])('refuses `convoy %s`', (line, message) => {
    const parse = (): unknown => parseCommandLine(line.split(' '));
    expect(parse).toThrow(CommandLineError);
    expect(parse).toThrow(message);
  });
});
