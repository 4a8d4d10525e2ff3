/**
 * Runs the tests of every room through turbo, then prints one line that counts them all. Arguments are vitest's:
 * `node tools/run-tests.ts --tags-filter='!slow'`. Results land in `<room>/reports/junit.xml`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const rooms = ['packages', 'apps'].flatMap((kind) => readdirSync(join(root, kind)).map((name) => `${kind}/${name}`));
const reports = [...rooms, 'tools'].map((room) => join(root, room, 'reports', 'junit.xml'));
for (const report of reports) rmSync(report, { force: true });

const turbo = join(root, 'node_modules', '.bin', 'turbo');
const run = spawnSync(turbo, ['run', 'test', '//#test:tools', '--continue', '--', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
});

const counts = { tests: 0, failures: 0, errors: 0, skipped: 0 };
for (const report of reports.filter((path) => existsSync(path))) {
  for (const [suite] of readFileSync(report, 'utf8').matchAll(/<testsuite [^>]*>/g)) {
    for (const key of ['tests', 'failures', 'errors', 'skipped'] as const) counts[key] += attribute(suite, key);
  }
}
const failed = counts.failures + counts.errors;
console.log(`${counts.tests - failed - counts.skipped} passed, ${failed} failed, ${counts.skipped} skipped`);
process.exitCode = run.status ?? 1;

function attribute(tag: string, name: string): number {
  return Number(new RegExp(`\\b${name}="(\\d+)"`).exec(tag)?.[1] ?? 0);
}
