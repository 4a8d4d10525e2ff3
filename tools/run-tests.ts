/**
 * Runs the tests of every room through turbo, then prints one line that counts them all. Results land in
 * `<room>/reports/junit.xml`.
 *
 * `--quick` leaves out what is slow and what needs several processes; `--full` leaves out nothing; without either, tests
 * tagged `slow` are left out. Everything else is handed to vitest: `npm test -- -t 'a volume'`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const rooms = ['packages', 'apps'].flatMap((kind) => readdirSync(join(root, kind)).map((name) => `${kind}/${name}`));
const reports = [...rooms, 'tools'].map((room) => join(root, room, 'reports', 'junit.xml'));
for (const report of reports) rmSync(report, { force: true });

/** What tests with a tag need beyond what set-up insists on. */
const CAPABILITIES: readonly { readonly tag: string; readonly needs: string; readonly isThere: () => boolean }[] = [
  { tag: 'root', needs: 'root (mounts, namespaces, loop devices)', isThere: isRoot },
  {
    tag: 'docker',
    needs:
      'a Docker Engine that can be reached, or root, docker and dockerd (docker.io) and ip (iproute2) to start one',
    isThere: () => isEngineReachable() || (isRoot() && hasPrograms('docker', 'dockerd', 'ip')),
  },
  {
    tag: 'registry',
    needs: 'root and docker-registry',
    isThere: () => isRoot() && hasPrograms('docker-registry'),
  },
  {
    tag: 'fuse',
    needs: 'root, rclone, fusermount3 (fuse3) and /dev/fuse',
    isThere: () => isRoot() && hasPrograms('rclone', 'fusermount3') && existsSync('/dev/fuse'),
  },
  {
    tag: 'gluster',
    needs:
      'root, glusterd and gluster (glusterfs-server), mount.glusterfs (glusterfs-client), ip (iproute2) and /dev/fuse',
    isThere: () => isRoot() && hasPrograms('glusterd', 'gluster', 'mount.glusterfs', 'ip') && existsSync('/dev/fuse'),
  },
  { tag: 'browser', needs: 'chromium', isThere: () => hasPrograms('chromium') },
];

const given = process.argv.slice(2);
const has = (flag: string): boolean => given.includes(flag);
const excluded = [
  ...(has('--full') ? [] : ['slow']),
  ...(has('--quick') ? ['docker', 'registry', 'fuse', 'gluster', 'browser'] : []),
];
for (const { tag, needs, isThere } of CAPABILITIES) {
  if (excluded.includes(tag) || isThere()) continue;
  console.log(`Tests tagged '${tag}' are left out: they need ${needs}`);
  if (process.env['CI'] === 'true') process.exit(1);
  excluded.push(tag);
}
if (excluded.includes('docker')) process.env['DRYDOCK_WITHOUT_DOCKER'] = '1';
const tagsFilter = excluded.length === 0 ? [] : [`--tags-filter=${excluded.map((tag) => `!${tag}`).join(' && ')}`];
const vitestArgs = [...tagsFilter, ...given.filter((argument) => argument !== '--quick' && argument !== '--full')];
const turboArgs = has('--quick') ? ['--filter=!@drydock/integration'] : [];

const turbo = join(root, 'node_modules', '.bin', 'turbo');
const run = spawnSync(
  turbo,
  // More than one room per core would only make the time limits of tests tight.
  ['run', 'test', '//#test:tools', '--continue', '--concurrency=2', ...turboArgs, '--', ...vitestArgs],
  { cwd: root, stdio: 'inherit', env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' } },
);

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

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function isEngineReachable(): boolean {
  return spawnSync('docker', ['version'], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

function hasPrograms(...names: readonly string[]): boolean {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return names.every((name) => directories.some((directory) => existsSync(join(directory, name))));
}
