import { describe, expect, it } from 'vitest';
import { launchArgv } from './docker-runtime.ts';

const image = { entrypoint: ['/entry', '-e'], cmd: ['/cmd', '-c'], env: [] };
const onlyCmd = { ...image, entrypoint: [] };

describe('launchArgv', () => {
  it.each([
    [{ value: 'ls' }, image, ['/bin/sh', '-c', 'ls']],
    [{ shell: false, value: '/bin/ls', arguments: ['ls', '-l'] }, image, ['/bin/ls', '-l']],
    [{ shell: false }, image, ['/entry', '-e', '/cmd', '-c']],
    [{ shell: false }, onlyCmd, ['/cmd', '-c']],
    [{ shell: false, arguments: ['x'] }, image, ['/entry', '-e', 'x']],
    [{ shell: false, arguments: ['x'] }, onlyCmd, ['/cmd', 'x']],
  ])('runs %j with image %j as %j', (command, from, argv) => {
    expect(launchArgv(command, from)).toEqual(argv);
  });

  it.each([
    [{}, 'Failed to determine the launch command: Shell specified but no command value provided'],
    [{ shell: false }, 'Failed to determine the launch command: No executable is found'],
  ])('refuses %j with an image that has no command', (command, message) => {
    expect(() => launchArgv(command, { entrypoint: [], cmd: [], env: [] })).toThrow(message);
  });
});
