import { describe, expect, it } from 'vitest';
import { assertSafeConfig, createOciConfig, type ContainerRoot } from './oci-config.ts';

const IMAGE: ContainerRoot = { kind: 'image', rootfs: '/r', sandbox: '/s', sandboxTarget: '/mnt/mesos/sandbox' };
const HOST: ContainerRoot = { kind: 'host', emptyDirectory: '/empty' };
const config = (root: ContainerRoot, uid = 0, hasTerminalGroup = true): ReturnType<typeof createOciConfig> =>
  createOciConfig({
    root,
    argv: ['true'],
    environment: { A: '1 2' },
    workingDirectory: '/s',
    user: { uid, gid: uid, additionalGids: [] },
    mounts: [{ source: '/v', target: '/data', isReadOnly: true }],
    initPath: '/usr/bin/tini-static',
    hasTerminalGroup,
  });

describe('createOciConfig', () => {
  it('makes volumes read-only with their submounts', () => {
    expect(config(IMAGE).mounts.at(-1)).toEqual({
      destination: '/data',
      type: 'bind',
      source: '/v',
      options: ['rbind', 'rro'],
    });
  });

  it('starts a container on the host root with the bind of the root and keeps /dev', () => {
    const { mounts, root } = config(HOST);
    expect(root.path).toBe('/empty');
    expect(mounts.slice(0, 3).map(({ destination }) => destination)).toEqual(['/', '/proc', '/dev']);
  });

  it('gives terminals to their group where it exists', () => {
    const options = (hasTerminalGroup: boolean): readonly string[] | undefined =>
      config(IMAGE, 0, hasTerminalGroup).mounts.find(({ type }) => type === 'devpts')?.options;
    expect(options(true)).toContain('gid=5');
    expect(options(false)).toEqual(['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620']);
  });

  it('gives capabilities to root only', () => {
    expect(config(IMAGE).process.capabilities.bounding).toHaveLength(14);
    expect(config(IMAGE, 1000).process.capabilities.bounding).toEqual([]);
  });
});

describe('assertSafeConfig', () => {
  const image = config(IMAGE);
  const host = config(HOST);
  it.each([
    ['no mount namespace', { ...image, linux: { ...image.linux, namespaces: [{ type: 'pid' }] } }, 'mount namespace'],
    ['no /dev', { ...host, mounts: host.mounts.filter(({ destination }) => destination !== '/dev') }, "own '/dev'"],
    ['the root not mounted first', { ...host, mounts: host.mounts.toReversed() }, 'first mount'],
    ['the host root as its root', { ...host, root: { path: '/', readonly: false } }, "must not be '/'"],
    [
      '.. in a target',
      { ...image, mounts: [...image.mounts, { destination: '/a/../b', type: 'bind', source: '/', options: [] }] },
      "'..'",
    ],
    [
      'a shallow read-only bind',
      {
        ...image,
        mounts: [...image.mounts, { destination: '/a', type: 'bind', source: '/', options: ['rbind', 'ro'] }],
      },
      "'rro'",
    ],
  ])('refuses %s', (_title, unsafe, message) => {
    expect(() => assertSafeConfig(unsafe)).toThrow(message);
  });
});
