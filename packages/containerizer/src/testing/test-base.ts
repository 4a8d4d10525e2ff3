import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { probeCgroups, removeCgroups } from '../launcher/cgroups.ts';
import { buildStandinImage } from '../standin-image.ts';

/** A directory for each test, with the stand-in image in its `registry`. */
export function useTestBase(): { readonly path: string; readonly cgroupsRoot: string } {
  const base = { path: '', cgroupsRoot: `drydock-test-${process.pid}` };
  beforeEach(async () => {
    base.path = await mkdtemp(join(tmpdir(), 'containerizer-'));
    await mkdir(join(base.path, 'registry'));
    await buildStandinImage({ outputPath: join(base.path, 'registry/ubuntu:14.04.tar') });
  });
  afterEach(async () => {
    await rm(base.path, { recursive: true, force: true });
    // A killed agent leaves the groups' parent.
    const cgroups = await probeCgroups(base.cgroupsRoot);
    if (!('unavailable' in cgroups)) await removeCgroups(cgroups);
  });
  return base;
}

/** No runtime directory, root file system or mount of a container is there any more. */
export async function expectNothingLeft(base: string): Promise<void> {
  for (const directory of ['run/containers', 'run/runc', 'work/provisioner/containers']) {
    expect(await readdir(join(base, directory))).toEqual([]);
  }
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(base);
}
