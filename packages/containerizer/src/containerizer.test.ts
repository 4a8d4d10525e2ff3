import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { currentArchive, tarOf } from './testing/image-archive.ts';
import { outcomesOf, runCases } from './testing/run-cases.ts';
import { expectNothingLeft, useTestBase } from './testing/test-base.ts';

const BUSYBOX = '/bin/busybox';
const base = useTestBase();

describe('MesosContainerizer', () => {
  it.each(['overlay', 'copy'])('launches, ends and removes containers (%s)', { tags: ['root'] }, async (backend) => {
    for (const name of ['links', 'payload']) await mkdir(join(base.path, name));
    await symlink('../../../../etc', join(base.path, 'links/etc'));
    await writeFile(join(base.path, 'payload/from-volume'), '');
    const outcomes = outcomesOf(
      await runCases(new URL('./testing/launch-cases.ts', import.meta.url), base.path, [backend, base.cgroupsRoot]),
    );
    const sandbox = (name: string): string => join(base.path, `sandbox-${name}`);
    expect(outcomes).toMatchObject({
      exit: { how: 'exited', exitCode: 3, stdout: "sh -c 'pwd; exit 3'\n/mnt/mesos/sandbox\n" },
      host: { exitCode: 0, stdout: expect.stringContaining(`${sandbox('host')}\n${base.path}/registry\n`) },
      aborted: { how: 'launch-failed', stdout: '' },
      killed: { how: 'exited', signal: 'SIGKILL' },
      destroyed: { error: expect.stringMatching(/^Container destroyed during preparing$/) },
      'many-0': { exitCode: 0 },
      'many-9': { exitCode: 0 },
      'missing-source': { how: 'launch-failed', message: expect.stringContaining('missing') },
      'read-only': { stdout: expect.stringContaining('refused\ninner\n') },
      link: { stdout: expect.stringContaining('from-volume') },
    });
    expect(await strayNames()).toEqual([]);
    await expectNothingLeft(base.path);
  });
});

describe('the root file system of an image', () => {
  const busyboxLayer = async (): Promise<{ tar: Buffer }> => ({
    tar: tarOf([
      { path: 'bin/' },
      { path: 'bin/busybox', content: await readFile(BUSYBOX) },
      ...['sh', 'ls', 'tr', 'stat', 'touch', 'echo'].map((name) => ({
        path: `bin/${name}`,
        type: 'SymbolicLink' as const,
        linkTarget: 'busybox',
      })),
      { path: 'etc/' },
      { path: 'etc/of-the-image', content: '' },
      { path: 'tmp/', mode: 0o1777 },
    ]),
  });

  it.each(['overlay', 'copy'])('lacks what an upper layer removes (%s)', { tags: ['root'] }, async (backend) => {
    const bottom = await busyboxLayer();
    const lower = {
      tar: tarOf([
        { path: 'file', content: 'x' },
        { path: 'gone/below', content: 'x' },
        { path: 'opaque/', mode: 0o700 },
        { path: 'opaque/hidden', content: 'x' },
        { path: 'opaque/kept/hidden', content: 'x' },
        { path: 'opaque/directory/hidden', content: 'x' },
        { path: 'again/hidden', content: 'x' },
        { path: 'bare/', mode: 0o711 },
        { path: 'bare/removed', content: 'x' },
        { path: 'bare/stays', content: 'x' },
      ]),
    };
    const other = {
      tar: tarOf([
        { path: 'opaque/other', content: 'x' },
        { path: 'bare/', mode: 0o711 },
      ]),
    };
    const upper = {
      tar: tarOf([
        { path: '.wh.file' },
        { path: '.wh.gone' },
        { path: '.wh.never-there' },
        { path: 'opaque/', mode: 0o750 },
        { path: 'opaque/.wh..wh..opq' },
        { path: 'opaque/kept/' },
        { path: 'opaque/kept/new', content: 'x' },
        { path: '.wh.again' },
        { path: 'again/new', content: 'x' },
        // Its directory is not in this layer and keeps its own mode.
        { path: 'bare/.wh.removed' },
      ]),
    };
    await writeFile(join(base.path, 'registry/whiteouts.tar'), currentArchive('whiteouts', [bottom, lower, upper]));
    await writeFile(join(base.path, 'registry/other-base.tar'), currentArchive('other-base', [bottom, other, upper]));
    const stdout = expect.stringMatching(
      /^sh -c .*\n\/opaque: \. \.\. kept\n\/opaque\/kept: \. \.\. new\n\/again: \. \.\. new\n750:0\n711:0\n/,
    );
    const outcomes = await runImageCases(backend, ['whiteouts', 'other-base']);
    expect(outcomes).toMatchObject({
      whiteouts: { exitCode: 0, stdout: expect.stringMatching(/\n711:0\nstays\n$/) },
      'other-base': { exitCode: 0, stdout },
    });
    expect(outcomes).toMatchObject({ whiteouts: { stdout } });
    await expectNothingLeft(base.path);
  });

  it.each(['overlay', 'copy'])(
    'has a volume over what a link in it points to, and the host is untouched (%s)',
    { tags: ['root'] },
    async (backend) => {
      const links = { 'link-to-etc': '/etc', 'link-to-root': '../../..', 'link-in-parent': '/etc' };
      const bottom = await busyboxLayer();
      for (const [name, linkTarget] of Object.entries(links)) {
        const path = name === 'link-in-parent' ? 'tmp' : 'tmp/myvolume';
        const link = { tar: tarOf([{ path, type: 'SymbolicLink', linkTarget }]) };
        await writeFile(join(base.path, `registry/${name}.tar`), currentArchive(name, [bottom, link]));
        await mkdir(join(base.path, `volume-${name}`));
        await writeFile(join(base.path, `volume-${name}/from-volume`), '');
      }
      const outcomes = await runImageCases(backend, Object.keys(links));
      expect(outcomes).toMatchObject({
        'link-to-etc': { exitCode: 0, stdout: expect.stringMatching(/\nfrom-volume\nfrom-volume\n$/) },
        'link-in-parent': { exitCode: 0, stdout: expect.stringMatching(/\nmyvolume\nof-the-image\nfrom-volume\n$/) },
        // Over the container's own root nothing can run: the runtime refuses.
        'link-to-root': { how: 'launch-failed', message: expect.stringContaining('to rootfs at "/tmp/myvolume"') },
      });
      expect(await readdir(join(base.path, 'volume-link-to-etc'))).toEqual(['from-volume', 'written']);
      expect(await readdir(join(base.path, 'volume-link-to-root'))).toEqual(['from-volume']);
      expect(await strayNames()).toEqual([]);
      await expectNothingLeft(base.path);
    },
  );
});

const runImageCases = async (backend: string, names: readonly string[]): Promise<unknown> =>
  outcomesOf(
    await runCases(new URL('./testing/image-cases.ts', import.meta.url), base.path, [
      backend,
      base.cgroupsRoot,
      ...names,
    ]),
  );

/** Names of this test that must not be on the host: of its volumes, and of what containers write. */
async function strayNames(): Promise<string[]> {
  const names = await Promise.all(['/', '/etc', '/tmp'].map(async (path) => await readdir(path)));
  return names.flat().filter((name) => ['from-volume', 'written', 'myvolume', 'of-the-image'].includes(name));
}
