import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startScriptedPlugin } from '@drydock/volume-plugin/fake';
import { run } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { beforeAll, describe, expect, it } from 'vitest';

const app = join(import.meta.dirname, '..');
const bin = join(app, 'bin', 'dvdcli.js');

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(app, 'build.mjs')]);
});

describe('the bundle', () => {
  it('needs no module that is slow to load', async () => {
    const bundle = await readFile(join(app, 'dist', 'dvdcli.cjs'), 'utf8');
    const modules = [...bundle.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name);
    expect(new Set(modules)).toEqual(
      new Set(['node:fs', 'node:path', 'node:net', 'node:timers/promises', 'node:util']),
    );
  });

  it('is not built again when nothing changed', async () => {
    const result = await run([process.execPath, join(app, 'build.mjs')]);
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
  });

  it('is told to be built when it is missing', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bundle-'));
    try {
      await cp(join(app, 'bin'), join(directory, 'bin'), { recursive: true });
      await cp(join(app, 'package.json'), join(directory, 'package.json'));
      const result = await run([process.execPath, join(directory, 'bin', 'dvdcli.js'), 'version']);
      expect(result).toMatchObject({ exitCode: 1, stdout: '' });
      expect(result.stderr).toBe('dvdcli is not built yet: run `npm run setup` in the checkout\n');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('exits with the exit code of the command', async () => {
    const result = await run([process.execPath, bin, 'mount', '--bogus']);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain('Error: unknown flag: --bogus');
  });

  it('works through a link to the bin', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bundle-'));
    try {
      await symlink(bin, join(directory, 'dvdcli'));
      const result = await run([process.execPath, join(directory, 'dvdcli'), 'version']);
      expect(result).toMatchObject({ exitCode: 0 });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('looks into the directories that its environment names', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bundle-'));
    try {
      await using plugin = await startScriptedPlugin({ socketPath: join(directory, 'd.sock') });
      const env = { DVDCLI_PLUGIN_DIRECTORIES: directory };
      const result = await run([process.execPath, bin, 'create', '--volumedriver=d', '--volumename=v1'], { env });
      expect(result).toMatchObject({ exitCode: 0 });
      expect(plugin.calls()).toEqual(['Create {"Name":"v1","Opts":{}}']);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('ends at once when it is told to while it waits for a driver', async () => {
    const child = spawn(process.execPath, [bin, 'mount', '--volumedriver=drydock-no-such-driver', '--volumename=v1']);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const { promise: ended, resolve } = Promise.withResolvers<NodeJS.Signals | null>();
    child.once('exit', (_code, signal) => resolve(signal));
    await waitUntil(() => stderr.includes('retrying in 1s'), { what: 'dvdcli to look for its driver' });
    child.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
  });
});
