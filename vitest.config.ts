import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** One project per package and app: `vitest run --project isolator`. */
const projects = ['packages', 'apps', 'tools'].flatMap((room) =>
  (room === 'tools' ? ['.'] : readdirSync(room)).map((directory) => {
    const root = room === 'tools' ? 'tools' : `${room}/${directory}`;
    const name =
      room === 'tools'
        ? 'tools'
        : (JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { name: string }).name.replace('@drydock/', '');
    return {
      extends: true as const,
      test: { name, root, include: [room === 'tools' ? '**/*.test.ts' : 'src/**/*.test.ts'] },
    };
  }),
);

export default defineConfig({
  test: {
    projects,
    passWithNoTests: true,
    tags: [
      { name: 'root', description: 'needs root: mounts, namespaces, loop devices', timeout: 60_000 },
      { name: 'docker', description: 'needs a Docker engine', timeout: 120_000 },
      { name: 'slow', description: 'runs only in test:full', timeout: 600_000 },
    ],
  },
});
