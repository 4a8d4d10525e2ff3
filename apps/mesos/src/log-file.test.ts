import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '@drydock/base/subprocess';
import { VirtualFiles } from '@drydock/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attachLog, openLogFile } from './log-file.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-file-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('--log_dir', () => {
  it('gets the lines, also those of an earlier run', async () => {
    const logDir = join(directory, 'logs');
    openLogFile(logDir, 'mesos-master')('first\n');
    openLogFile(logDir, 'mesos-master')('second\n');
    expect(await readFile(join(logDir, 'mesos-master.INFO'), 'utf8')).toBe('first\nsecond\n');
  });

  it('gets why a daemon does not start, too', async () => {
    const master = fileURLToPath(new URL('../bin/mesos-master.js', import.meta.url));
    const flags = [`--work_dir=${directory}/work`, `--log_dir=${directory}`, '--ip=192.0.2.1', '--port=0'];
    const { exitCode, stderr } = await run([process.execPath, master, ...flags]);
    expect([exitCode, stderr]).toEqual([1, 'Failed to bind on 192.0.2.1:0: Cannot assign requested address\n']);
    expect(await readFile(join(directory, 'mesos-master.INFO'), 'utf8')).toBe(stderr);
  });

  it('has to be a directory', async () => {
    const path = join(directory, 'file');
    await writeFile(path, '');
    expect(() => openLogFile(path, 'mesos-agent')).toThrow(
      `Failed to open the log file '${path}/mesos-agent.INFO' of --log_dir: EEXIST`,
    );
  });

  it.each([
    [undefined, undefined, {}],
    ['/logs', undefined, { '/master/log': '/logs/mesos-master.INFO' }],
    [undefined, '/journal', { '/master/log': '/journal' }],
    ['/logs', '/journal', { '/master/log': '/journal' }],
  ])('%s with --external_log_file %s shows %j', (logDir, externalLogFile, attached) => {
    const files = new VirtualFiles();
    attachLog(files, '/master/log', { log_dir: logDir, external_log_file: externalLogFile }, 'mesos-master');
    expect(files.attached).toEqual(attached);
  });
});
