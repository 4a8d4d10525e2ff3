// Installs what is missing before an npm script runs: `node tools/setup.mjs modules|scenario|quick|test`. What only some tests
// need is asked for, not insisted on: they are left out without it.
// Plain JavaScript for Node 20, because it runs before the pinned Node is there. Silent when nothing is missing; all it
// says goes to stderr, so that `--json` output stays clean.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampPath = join(root, 'node_modules', '.drydock-setup');

/** Program -> the Debian package that has it and what it is for; without an optional one some tests are left out. */
const PROGRAMS = {
  runc: { package: 'runc', why: 'launches the containers' },
  'tini-static': { package: 'tini', why: "each container's first process" },
  'mkfs.ext4': { package: 'e2fsprogs', why: 'makes the file systems of loop volumes' },
  busybox: { package: 'busybox-static', why: 'fills the stand-in for the ubuntu:14.04 image' },
  unshare: { package: 'util-linux', why: 'gives each run a mount namespace of its own' },
  mount: { package: 'mount', why: 'mounts volumes and root file systems' },
  dockerd: {
    package: 'docker.io',
    why: 'clusters in containers, and a second client of the drivers',
    isOptional: true,
  },
  ip: { package: 'iproute2', why: 'the network of a Docker Engine or a file system of our own', isOptional: true },
  'docker-registry': { package: 'docker-registry', why: 'a registry for images in tests', isOptional: true },
  rclone: { package: 'rclone', why: 'a real volume driver in tests', isOptional: true },
  fusermount3: { package: 'fuse3', why: "rclone's mounts in tests", isOptional: true },
  glusterd: { package: 'glusterfs-server', why: 'a real cluster file system in tests', isOptional: true },
  'mount.glusterfs': { package: 'glusterfs-client', why: "that file system's mounts in tests", isOptional: true },
  chromium: { package: 'chromium', why: 'reads the report of a certification in tests', isOptional: true },
};
const NEEDED = Object.keys(PROGRAMS).filter((name) => PROGRAMS[name].isOptional !== true);
/** What each kind of run needs beyond the node modules. */
const NEEDS = { modules: [], scenario: NEEDED.filter(isOfUse), quick: NEEDED, test: Object.keys(PROGRAMS) };

/** Without root there are no loop devices, hence no file systems to make. */
function isOfUse(name) {
  return name !== 'mkfs.ext4' || process.getuid?.() === 0;
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

function findProgram(name) {
  const directories = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/bin',
    '/bin',
  ];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false; // not in this directory
    }
  });
}

/** Runs a command with its output kept for the case that it fails, and a sign of life every two seconds. */
async function runWithProgress(argv, env = {}) {
  const child = spawn(argv[0], argv.slice(1), {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk) => {
    output = `${output}${chunk}`.slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const startedAt = Date.now();
  const timer = setInterval(() => say(`  ... ${Math.round((Date.now() - startedAt) / 1000)} s`), 2_000);
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      output += error.message;
      resolve(-1);
    });
    child.on('close', resolve);
  });
  clearInterval(timer);
  return { code, output };
}

async function installModules() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === wanted) return;
  if (process.env.DRYDOCK_NO_INSTALL === '1')
    fail('node_modules is missing or stale and DRYDOCK_NO_INSTALL=1 is set; run: npm ci');
  say('installing the node modules, the pinned Node 26 among them: npm ci (about 25 s)');
  const { code, output } = await runWithProgress(['npm', 'ci', '--no-progress']);
  if (code !== 0) fail(`npm ci failed with status ${code}:\n${output}`);
  writeFileSync(stampPath, wanted);
}

async function installPrograms(names) {
  const missing = names.filter((name) => !findProgram(name));
  const needed = missing.filter((name) => PROGRAMS[name].isOptional !== true);
  const optional = missing.filter((name) => PROGRAMS[name].isOptional === true);
  const isAllowed = process.getuid?.() === 0 && findProgram('apt-get') && process.env.DRYDOCK_NO_INSTALL !== '1';
  const problem = isAllowed ? await install(needed) : undefined;
  if (needed.length > 0 && (!isAllowed || problem !== undefined)) fail(missingText('missing', needed, problem));
  const optionalProblem = isAllowed ? await install(optional) : undefined;
  if (optional.length > 0 && (!isAllowed || optionalProblem !== undefined)) {
    say(missingText('going on without', optional, optionalProblem));
  }
}

function missingText(what, names, problem) {
  const remedy = `On Debian or Ubuntu, as root, run: apt-get update && ${aptCommand(names).join(' ')}`;
  return `${what} ${reasonsFor(names)}. ${remedy}${problem === undefined ? '' : `\n${problem}`}`;
}

function aptCommand(names) {
  const packages = [...new Set(names.map((name) => PROGRAMS[name].package))];
  return ['apt-get', 'install', '-y', '--no-install-recommends', ...packages];
}

function reasonsFor(names) {
  return names.map((name) => `${name} (${PROGRAMS[name].why})`).join(', ');
}

/** Gives what went wrong. */
async function install(names) {
  if (names.length === 0) return undefined;
  const command = aptCommand(names);
  say(`installing Debian packages for ${reasonsFor(names)}: ${command.join(' ')}`);
  const allowServices = forbidServices();
  try {
    return (await runApt(command)) ?? stillMissing(names);
  } finally {
    allowServices();
  }
}

function stillMissing(names) {
  const still = names.filter((name) => !findProgram(name));
  return still.length === 0 ? undefined : `still missing after the installation: ${still.join(', ')}`;
}

async function runApt(command) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const first = await runWithProgress(command, env);
  if (first.code === 0) return undefined;
  say('that failed, perhaps because the package lists are missing or old: apt-get update');
  const update = await runWithProgress(['apt-get', 'update'], env);
  if (update.code !== 0) return `apt-get update failed with status ${update.code}:\n${update.output}`;
  const second = await runWithProgress(command, env);
  return second.code === 0 ? undefined : `${command.join(' ')} failed with status ${second.code}:\n${second.output}`;
}

/** Packages that bring a daemon do not start it: the tests start one of their own. Gives what takes that back. */
function forbidServices() {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return () => undefined;
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => rmSync(policy, { force: true });
}

/** A build step with the pinned Node; each is quick and does nothing when its result is fresh. */
function build(what, script) {
  const pinned = join(root, 'node_modules', '.bin', 'node');
  // There is a pinned one for Linux only.
  const node = existsSync(pinned) ? pinned : process.execPath;
  const result = spawnSync(node, [join(root, script)], { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status !== 0)
    fail(`could not build ${what}: ${script} ended with ${result.status ?? result.signal ?? result.error?.message}`);
}

const kind = process.argv[2] ?? '';
if (!Object.hasOwn(NEEDS, kind)) fail(`expected one of ${Object.keys(NEEDS).join(', ')}, got '${kind}'`);
await installModules();
const isLinux = process.platform === 'linux';
if (isLinux) await installPrograms(NEEDS[kind]);
else if (kind !== 'modules')
  say('this is no Linux, so only what runs in Docker works: npm run scenario -- --in-docker');
build("dvdcli's bundle", 'apps/dvdcli/build.mjs');
if (isLinux && kind !== 'modules') build('the stand-in image', 'tools/build-standin-image.ts');
