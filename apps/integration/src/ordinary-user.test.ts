import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '@drydock/base/subprocess';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** `nobody`: no rights, no home, no names in /etc/subuid. */
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'].join(' ');

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ordinary-user-'));
  await chmod(directory, 0o711);
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/**
 * Runs `script` as root in a mount namespace of its own, in which the checkout is where everybody can go, wherever it
 * really is; `$as_nobody` in it gives all rights away.
 */
async function inNamespace(script: string): Promise<RunResult> {
  const prelude = `
    mkdir "$1/repo" "$1/home" "$1/tmp"
    chown 65534 "$1/home" "$1/tmp"
    mount --bind "$2" "$1/repo"
    cd "$1/repo"
    as_nobody="${AS_NOBODY} env HOME=$1/home TMPDIR=$1/tmp DRYDOCK_NO_INSTALL=1"
  `;
  const argv = ['unshare', '--mount', 'sh', '-ec', `${prelude}\n${script}`, 'sh', directory, ROOT] as const;
  return await run(argv, { timeoutMs: 50_000 });
}

describe('as an ordinary user', { tags: ['root'] }, () => {
  it('npm run scenario passes in a user namespace and says what it cannot show', async ({ skip }) => {
    const result = await inNamespace('exec $as_nobody npm run -s scenario -- --json');
    // A machine may forbid it; then this one line says how to allow it.
    const forbidden = /An ordinary user cannot mount .*/.exec(result.stderr)?.[0];
    if (forbidden !== undefined && process.env['CI'] !== 'true') skip(forbidden);
    expect(result.exitCode, result.stderr + result.stdout).toBe(0);
    const report = JSON.parse(result.stdout) as {
      readonly isPassed: boolean;
      readonly limits: readonly string[];
      readonly sandboxStdout: string;
      readonly checks: readonly { readonly name: string }[];
    };
    expect(report.isPassed).toBe(true);
    expect(report.sandboxStdout).toMatch(/\nsh -c 'ls \/tmp\/myvolume'\nmyfile\nCommand exited with status 0/);
    expect(report.checks.map(({ name }) => name)).not.toContain('the volume holds lost+found');
    expect(report.limits).toHaveLength(3);
    const left = await readdir(join(directory, 'tmp'));
    expect(left.filter((name) => name.startsWith('drydock-'))).toEqual([]);
  });

  it('tells a person the same, with what it cannot show', async ({ skip }) => {
    const result = await inNamespace('exec $as_nobody node_modules/.bin/node apps/drydock/bin/drydock.js scenario');
    if (result.stderr.includes('cannot mount') && process.env['CI'] !== 'true') skip(result.stderr);
    expect(result.exitCode, result.stderr).toBe(0);
    expect(result.stdout).toContain('# you are not root, so this is a user namespace in which you are:\n');
    expect(result.stdout).toContain('there is no lost+found\n');
    expect(result.stdout).toContain('The scenario PASSED in');
  });

  it('the scenario says in one line how to get a runtime that is missing', async () => {
    const result = await inNamespace(`
      for program in $(which -a runc); do mount --bind /dev/null "$program"; done
      exec $as_nobody node_modules/.bin/node apps/drydock/bin/drydock.js scenario
    `);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toBe('drydock: Missing: runc; as root: apt-get install runc\n');
  });

  it('set-up says the same before it, and asks for no mkfs.ext4, which could not be used', async () => {
    const result = await inNamespace(`
      for program in $(which -a runc mkfs.ext4); do mount --bind /dev/null "$program"; done
      exec $as_nobody npm run -s scenario
    `);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toBe(
      'setup: missing runc (launches the containers). On Debian or Ubuntu, as root, run: apt-get update && apt-get install -y --no-install-recommends runc\n',
    );
  });

  it('the scenario says in one line how to get user namespaces that are switched off', async () => {
    // The setting belongs to a user namespace and what is below it: this one's is not the machine's.
    const result = await inNamespace(`
      exec $as_nobody unshare --user --map-current-user --keep-caps sh -ec '
        echo 0 >/proc/sys/user/max_user_namespaces
        exec setpriv --inh-caps=-all --ambient-caps=-all node_modules/.bin/node apps/drydock/bin/drydock.js scenario'
    `);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(
      /^drydock: An ordinary user cannot mount in a user namespace here \(unshare: .+\); as root: sysctl -w user\.max_user_namespaces=15000\n$/,
    );
  });
});
