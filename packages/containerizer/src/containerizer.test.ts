import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildStandinImage } from './standin-image.ts';
import { currentArchive, tarOf } from './testing/image-archive.ts';
import { outcomesOf, runCases } from './testing/run-cases.ts';

const BUSYBOX = '/bin/busybox';
let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'containerizer-'));
  await mkdir(join(base, 'registry'));
});
afterEach(async () => await rm(base, { recursive: true, force: true }));

const cgroupsRoot = `drydock-test-${process.pid}`;
const expectNothingLeft = async (): Promise<void> => {
  for (const directory of ['run/containers', 'run/runc', 'work/provisioner/containers']) {
    expect(await readdir(join(base, directory))).toEqual([]);
  }
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(base);
};

describe('MesosContainerizer', () => {
  it.each(['overlay', 'copy'])('launches, ends and removes containers (%s)', { tags: ['root'] }, async (backend) => {
    await buildStandinImage({ outputPath: join(base, 'registry/ubuntu:14.04.tar') });
    for (const name of ['links', 'payload']) await mkdir(join(base, name));
    await symlink('../../../../etc', join(base, 'links/etc'));
    await writeFile(join(base, 'payload/from-volume'), '');
    const outcomes = outcomesOf(
      await runCases(new URL('./testing/launch-cases.ts', import.meta.url), base, [backend, cgroupsRoot]),
    );
    const sandbox = (name: string): string => join(base, `sandbox-${name}`);
    expect(outcomes).toMatchObject({
      exit: { how: 'exited', exitCode: 3, stdout: "sh -c 'pwd; exit 3'\n/mnt/mesos/sandbox\n" },
      host: { exitCode: 0, stdout: expect.stringContaining(`${sandbox('host')}\n${base}/registry\n`) },
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
    await expectNothingLeft();
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
    await writeFile(join(base, 'registry/whiteouts.tar'), currentArchive('whiteouts', [bottom, lower, upper]));
    await writeFile(join(base, 'registry/other-base.tar'), currentArchive('other-base', [bottom, other, upper]));
    const stdout = expect.stringMatching(
      /^sh -c .*\n\/opaque: \. \.\. kept\n\/opaque\/kept: \. \.\. new\n\/again: \. \.\. new\n750:0\n711:0\n/,
    );
    const outcomes = await runImageCases(backend, ['whiteouts', 'other-base']);
    expect(outcomes).toMatchObject({
      whiteouts: { exitCode: 0, stdout: expect.stringMatching(/\n711:0\nstays\n$/) },
      'other-base': { exitCode: 0, stdout },
    });
    expect(outcomes).toMatchObject({ whiteouts: { stdout } });
    await expectNothingLeft();
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
        await writeFile(join(base, `registry/${name}.tar`), currentArchive(name, [bottom, link]));
        await mkdir(join(base, `volume-${name}`));
        await writeFile(join(base, `volume-${name}/from-volume`), '');
      }
      const outcomes = await runImageCases(backend, Object.keys(links));
      expect(outcomes).toMatchObject({
        'link-to-etc': { exitCode: 0, stdout: expect.stringMatching(/\nfrom-volume\nfrom-volume\n$/) },
        'link-in-parent': { exitCode: 0, stdout: expect.stringMatching(/\nmyvolume\nof-the-image\nfrom-volume\n$/) },
        // Over the container's own root nothing can run: the runtime refuses.
        'link-to-root': { how: 'launch-failed', message: expect.stringContaining('to rootfs at "/tmp/myvolume"') },
      });
      expect(await readdir(join(base, 'volume-link-to-etc'))).toEqual(['from-volume', 'written']);
      expect(await readdir(join(base, 'volume-link-to-root'))).toEqual(['from-volume']);
      expect(await strayNames()).toEqual([]);
      await expectNothingLeft();
    },
  );
});

const runImageCases = async (backend: string, names: readonly string[]): Promise<unknown> =>
  outcomesOf(
    await runCases(new URL('./testing/image-cases.ts', import.meta.url), base, [backend, cgroupsRoot, ...names]),
  );

/** Names of this test that must not be on the host: of its volumes, and of what containers write. */
async function strayNames(): Promise<string[]> {
  const names = await Promise.all(['/', '/etc', '/tmp'].map(async (path) => await readdir(path)));
  return names.flat().filter((name) => ['from-volume', 'written', 'myvolume', 'of-the-image'].includes(name));
}
