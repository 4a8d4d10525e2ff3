import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Every package and app is a project, `vitest run --project isolator`; the repository's own tools are one too. */
const rooms = ['packages', 'apps'].flatMap((kind) =>
  readdirSync(join(import.meta.dirname, kind)).map((name) => ({
    root: `${kind}/${name}`,
    include: ['src/**/*.test.ts'],
  })),
);

/** Tests of clusters in containers: a project of its own, since an engine has to be there before them. */
const CONTAINERS = 'src/containers/**/*.test.ts';

/** Tests that wait for other processes most of the time: two files at once, also on two cores. */
const WAITING = { maxWorkers: 2, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    projects: [
      ...[...rooms, { root: 'tools', include: ['*.test.ts'] }].map(({ root, include }) => ({
        extends: true as const,
        test: {
          name: nameOf(root),
          root: join(import.meta.dirname, root),
          include,
          exclude: [CONTAINERS],
          ...(root === 'apps/integration' ? WAITING : {}),
        },
      })),
      {
        extends: true as const,
        test: {
          name: 'containers',
          root: join(import.meta.dirname, 'apps/integration'),
          include: [CONTAINERS],
          globalSetup: join(import.meta.dirname, 'apps/integration/src/containers/engine-setup.ts'),
          // One cluster at a time: they are several hosts each.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          hookTimeout: 180_000,
        },
      },
    ],
    passWithNoTests: true,
    // Generous: a busy machine is no failure. What must not take long is measured, not asserted.
    testTimeout: 20_000,
    hookTimeout: 60_000,
    tags: [
      { name: 'root', description: 'needs root: mounts, namespaces, loop devices', timeout: 60_000 },
      { name: 'docker', description: 'needs dockerd, of which it starts one of its own, and root', timeout: 120_000 },
      { name: 'registry', description: 'needs docker-registry, which it starts, and root', timeout: 120_000 },
      { name: 'fuse', description: 'needs rclone, fuse3 and /dev/fuse, and root', timeout: 120_000 },
      {
        name: 'gluster',
        description: 'needs glusterd, gluster, mount.glusterfs, ip and /dev/fuse, and root',
        timeout: 120_000,
      },
      { name: 'browser', description: 'needs chromium', timeout: 60_000 },
      { name: 'slow', description: 'runs only in test:full', timeout: 600_000 },
    ],
  },
});

function nameOf(root: string): string {
  if (root === 'tools') return root;
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, root, 'package.json'), 'utf8')) as {
    name: string;
  };
  return manifest.name.replace('@drydock/', '');
}
