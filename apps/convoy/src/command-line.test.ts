import { describe, expect, it } from 'vitest';
import { CommandLineError, parseCommandLine } from './command-line.ts';

const global = { socketPath: '/var/run/convoy/convoy.sock', isVerbose: false, version: '0.5' };
const noOptions = { backup: '', endpoint: '', id: '', type: '', iops: '', isForVm: false };

describe('parseCommandLine', () => {
  it.each([
    ['create v1', { kind: 'create', global, name: 'v1', size: '', driver: '', ...noOptions }],
    ['create --size 1G v1', { kind: 'create', global, name: 'v1', size: '1G', driver: '', ...noOptions }],
    [
      '--socket /s --verbose create v1 --size=1G',
      {
        kind: 'create',
        global: { ...global, socketPath: '/s', isVerbose: true },
        name: 'v1',
        size: '1G',
        driver: '',
        ...noOptions,
      },
    ],
    ['create', { kind: 'create', global, name: '', size: '', driver: '', ...noOptions }],
    ['delete v1 v2 -r', { kind: 'delete', global, names: ['v1', 'v2'], referenceOnly: true }],
    ['list', { kind: 'list', global, asksDriver: false }],
    ['list --driver', { kind: 'list', global, asksDriver: true }],
    ['info', { kind: 'info', global }],
    ['--compat=0.4 info', { kind: 'info', global: { ...global, version: '0.4' } }],
    ['--compat 0.4 info', { kind: 'info', global: { ...global, version: '0.4' } }],
    ['snapshot create v1', { kind: 'snapshot', global, words: ['create', 'v1'] }],
    ['backup list vfs:///b', { kind: 'backup', global, words: ['list', 'vfs:///b'] }],
    [
      'create --backup b --s3-endpoint e --id i --type t --iops 3 --vm v1',
      {
        kind: 'create',
        global,
        name: 'v1',
        size: '',
        driver: '',
        backup: 'b',
        endpoint: 'e',
        id: 'i',
        type: 't',
        iops: '3',
        isForVm: true,
      },
    ],
    ['umount v1', { kind: 'umount', global, name: 'v1' }],
    ['mount v1 --mountpoint /m', { kind: 'mount', global, name: 'v1', mountpoint: '/m' }],
    ['--version', { kind: 'version', version: '0.5' }],
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
          version: '0.5',
          ignoresDockerDelete: false,
          createsOnDockerMount: false,
          logPath: '',
          commandTimeout: '',
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
    ['daemon --mnt-ns /proc/1/ns/mnt', '--mnt-ns is not supported'],
    ['daemon --cmd-timeout soon', 'Expected --cmd-timeout as a duration like 1m30s, got soon'],
    ['daemon --log relative', 'Expected --log to be an absolute path'],
    ['--compat 0.6 list', 'Expected --compat to be 0.4 or 0.5, got 0.6'],
    ['daemon v1', 'Unexpected argument of daemon: v1'],
  ])('refuses `convoy %s`', (line, message) => {
    const parse = (): unknown => parseCommandLine(line.split(' '));
    expect(parse).toThrow(CommandLineError);
    expect(parse).toThrow(message);
  });
});
