import { describe, expect, it } from 'vitest';
import { mergeLaunchInfos, type CommandConfig } from './launch-info.ts';

const merge = (
  infos: Parameters<typeof mergeLaunchInfos>[0]['infos'],
  command: CommandConfig['command'],
): ReturnType<typeof mergeLaunchInfos> =>
  mergeLaunchInfos({
    infos,
    config: { command, resources: [], sandboxDirectory: '/sandbox', user: 'root' },
    executorEnvironment: { A: 'executor', MESOS_SANDBOX: 'executor', B: 'executor', C: 'executor' },
    sandboxInContainer: '/mnt/mesos/sandbox',
  });

describe('mergeLaunchInfos', () => {
  it('lets the task win over the image, the image over the sandbox, the sandbox over the executor', () => {
    const { environment } = merge([{ environment: { B: 'image', C: 'image', PATH: '/image' } }], {
      value: 'true',
      environment: { variables: [{ name: 'C', value: 'task' }] },
    });
    expect(environment).toEqual({
      A: 'executor',
      B: 'image',
      C: 'task',
      MESOS_SANDBOX: '/mnt/mesos/sandbox',
      PATH: '/image',
    });
  });

  it('keeps mounts in isolator order', () => {
    const mount = (target: string) => ({ source: '/s', target, isReadOnly: false });
    const { mounts } = merge([{ mounts: [mount('/b')] }, { mounts: [mount('/a')] }], { value: 'true' });
    expect(mounts.map(({ target }) => target)).toEqual(['/b', '/a']);
  });

  it('announces a shell command as the executor of the document does', () => {
    expect(merge([], { value: 'ls /tmp/myvolume' })).toMatchObject({
      announcement: "sh -c 'ls /tmp/myvolume'",
      argv: ['/bin/sh', '-c', 'ls /tmp/myvolume'],
      workingDirectory: '/mnt/mesos/sandbox',
    });
  });

  it('runs a command without a shell with its arguments as argv, and announces nothing', () => {
    const merged = merge([], { shell: false, value: '/usr/bin/test', arguments: ['test', '-f', 'x'] });
    expect(merged.argv).toEqual(['/usr/bin/test', '-f', 'x']);
    expect(merged).not.toHaveProperty('announcement');
  });

  it.each([
    [
      [{ workingDirectory: '/a' }, { workingDirectory: '/b' }],
      { value: 'x' },
      'Multiple isolators specify working directory',
    ],
    [[], {}, 'Shell specified but no command value provided'],
    [[], { shell: false }, 'No executable is found'],
  ])('refuses %j with command %j', (infos, command, message) => {
    expect(() => merge(infos, command)).toThrow(message);
  });
});
