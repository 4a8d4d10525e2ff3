import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'drydock-setup-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function setup(
  root: string,
  kind: string,
  env: Record<string, string> = {},
): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'tools', 'setup.mjs'), kind], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stderr };
}

describe('tools/setup.mjs', () => {
  it('is silent when nothing is missing', { tags: ['root'] }, () => {
    expect(setup(ROOT, 'test')).toEqual({ status: 0, stderr: '' });
  });

  it('names the command to run when it must not install', async () => {
    await mkdir(join(directory, 'tools'));
    await cp(join(ROOT, 'tools', 'setup.mjs'), join(directory, 'tools', 'setup.mjs'));
    await writeFile(join(directory, 'package-lock.json'), '{}');
    const { status, stderr } = setup(directory, 'modules', { DRYDOCK_NO_INSTALL: '1' });
    expect(status).toBe(1);
    expect(stderr).toContain('node_modules is missing or stale and DRYDOCK_NO_INSTALL=1 is set; run: npm ci');
  });

  it('refuses what it does not know', () => {
    const { status, stderr } = setup(ROOT, 'everything');
    expect(status).toBe(1);
    expect(stderr).toContain("expected one of modules, scenario, quick, test, got 'everything'");
  });
});
