/** `--help` of the programs whose texts follow those of real ones; the others' is tested beside their flag tables. */
import { fileURLToPath } from 'node:url';
import { run, type RunResult } from '@drydock/base/subprocess';
import { describe, expect, it } from 'vitest';

const bin = (name: string): string => fileURLToPath(new URL(`../../${name}/bin/${name}.js`, import.meta.url));
const runBin = async (name: string, line: string): Promise<RunResult> =>
  await run([process.execPath, bin(name), ...line.split(' ').filter((word) => word !== '')]);

describe('dvdcli', () => {
  // Streams as dvdcli 0.1.0 and 0.2 have them.
  it.each([
    ['', 'stderr'],
    ['help', 'stdout'],
    ['--help', 'stdout'],
    ...['create', 'mount', 'path', 'unmount'].flatMap((command): [string, 'stderr'][] => [
      [`help ${command}`, 'stderr'],
      [`${command} --help`, 'stderr'],
    ]),
  ] as const)('`dvdcli %s` tells its usage on %s', async (line, stream) => {
    const result = await runBin('dvdcli', line);
    expect(result.exitCode).toBe(0);
    expect(result[stream]).toContain('Usage:\n  dvdcli ');
    expect(result[stream]).toContain('--volumedriver');
    expect(result[stream === 'stdout' ? 'stderr' : 'stdout']).toBe('');
  });

  it.each(['--nope', 'mount --nope'])('`dvdcli %s` is refused with its usage', async (line) => {
    const result = await runBin('dvdcli', line);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain("Run 'dvdcli --help' for usage.");
  });
});

describe('convoy', () => {
  it.each(['--help', '-h', 'help'])('`convoy %s` tells its commands', async (line) => {
    const result = await runBin('convoy', line);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    for (const section of ['NAME:', 'USAGE:', 'COMMANDS:', 'GLOBAL OPTIONS:']) expect(result.stdout).toContain(section);
  });

  it.each(['daemon', 'create', 'delete', 'list', 'inspect', 'mount', 'umount'])(
    '`convoy %s --help` tells its options',
    async (command) => {
      const result = await runBin('convoy', `${command} --help`);
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      expect(result.stdout).toMatch(new RegExp(`^NAME:\\n {3}convoy ${command} - \\S`));
      expect(result.stdout).toContain('--help, -h');
    },
  );

  it('refuses a flag that it does not have', async () => {
    const result = await runBin('convoy', 'list --nope');
    expect(result.exitCode).not.toBe(0);
    expect(result.stdout + result.stderr).toContain('nope');
  });
});

describe('example-framework', () => {
  it('tells its flags', async () => {
    const result = await runBin('example-framework', '--help');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(result.stdout).toMatch(/^Usage: example-framework --master=HOST:PORT --state_dir=DIR/);
    for (const flag of ['master', 'state_dir', 'content_type', 'driver', 'volume', 'image', 'role', 'failover_timeout'])
      expect(result.stdout).toContain(`--${flag}=`);
    for (const flag of ['--teardown', '--json', '--help']) expect(result.stdout).toContain(flag);
  });

  it.each(['', '--nope', '--master=here --state_dir=s'])('refuses `example-framework %s`', async (line) => {
    const result = await runBin('example-framework', line);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(/^example-framework: .*\nRun 'example-framework --help' for usage\.\n$/s);
  });
});
