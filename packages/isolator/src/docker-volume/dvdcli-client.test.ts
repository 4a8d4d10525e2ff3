import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DriverCallError } from './driver-client.ts';
import { DvdcliClient } from './dvdcli-client.ts';
import { parseVolumeKey } from './volume-key.ts';

const key = parseVolumeKey('convoy', 'my volume');
const signal = AbortSignal.timeout(60_000);
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dvdcli-client-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** A dvdcli that notes its arguments, one per line, and then does what `script` says. */
async function aDvdcli(script: string): Promise<DvdcliClient> {
  const dvdcli = join(directory, 'dvdcli');
  await writeFile(dvdcli, `#!/bin/sh\nprintf '%s\\n' "$@" >${directory}/argv\n${script}\n`);
  await chmod(dvdcli, 0o755);
  return new DvdcliClient({ dvdcli, mountTimeoutMs: 60_000, unmountTimeoutMs: 60_000 });
}
const argv = async (): Promise<string[]> => (await readFile(join(directory, 'argv'), 'utf8')).trimEnd().split('\n');

describe('DvdcliClient', () => {
  it("mounts with upstream's arguments, options in order, and trims what dvdcli printed", async () => {
    const client = await aDvdcli('echo /mnt/v1');
    const options = [
      { key: 'size', value: '1G' },
      { key: 'o', value: 'a=b' },
    ];
    expect(await client.mount(key, options, { signal })).toBe('/mnt/v1');
    expect(await argv()).toEqual([
      'mount',
      '--volumedriver=convoy',
      '--volumename=my volume',
      '--volumeopts=size=1G',
      '--volumeopts=o=a=b',
    ]);
  });

  it("unmounts with upstream's arguments", async () => {
    const client = await aDvdcli('exit 0');
    await client.unmount(key, { signal });
    expect(await argv()).toEqual(['unmount', '--volumedriver=convoy', '--volumename=my volume']);
  });

  it.each([
    ['echo no such volume >&2; exit 1', 'Unexpected termination of the subprocess: no such volume', 'rejected'],
    [
      'echo Error looking up volume plugin convoy: plugin not found >&2; exit 1',
      'Unexpected termination of the subprocess: Error looking up volume plugin convoy: plugin not found',
      'never-reached',
    ],
    ['exit 2', 'Unexpected termination of the subprocess: exited with status 2', 'rejected'],
    ['kill -KILL $$', 'Unexpected termination of the subprocess: terminated with SIGKILL', 'unclear'],
  ])('%s: %s', async (script, message, outcome) => {
    const client = await aDvdcli(script);
    const mounting = client.mount(key, [], { signal });
    await expect(mounting).rejects.toThrow(DriverCallError);
    await expect(mounting).rejects.toMatchObject({ message, outcome, call: 'mount', volume: key });
  });

  it('tells a dvdcli that cannot be started from a driver that says no', async () => {
    const client = new DvdcliClient({ dvdcli: join(directory, 'missing') });
    await expect(client.mount(key, [], { signal })).rejects.toMatchObject({
      message: expect.stringContaining(`Failed to execute '${join(directory, 'missing')} mount`),
      outcome: 'never-reached',
    });
    expect(await client.inspect(key, { signal })).toBe('unknown');
  });

  it('ends a dvdcli that is over its limit and says so in minutes', async () => {
    await aDvdcli('exec sleep 60');
    const client = new DvdcliClient({ dvdcli: join(directory, 'dvdcli'), unmountTimeoutMs: 200, mountTimeoutMs: 200 });
    await expect(client.unmount(key, { signal })).rejects.toMatchObject({
      message: "'unmount' timed out in 200ms",
      outcome: 'unclear',
    });
  });

  it('ends when the signal aborts, with an unclear outcome', async () => {
    const client = await aDvdcli('exec sleep 60');
    const controller = new AbortController();
    const mounting = client.mount(key, [], { signal: controller.signal });
    controller.abort();
    await expect(mounting).rejects.toMatchObject({ message: "'mount' was discarded", outcome: 'unclear' });
  });

  it.each([
    [{ key: 'a', value: '1,b=2' }, `"a=1,b=2" must not hold ','`],
    [{ key: 'a=b', value: '1' }, `its key "a=b" must not be empty or hold '='`],
    [{ key: '', value: '1' }, `its key "" must not be empty or hold '='`],
  ])('refuses the option %j, which dvdcli would tear apart', async (option, problem) => {
    const client = await aDvdcli('echo /mnt/v1');
    await expect(client.mount(key, [option], { signal })).rejects.toThrow(problem);
    await expect(argv()).rejects.toThrow('ENOENT');
  });

  const version = (text: string): string => `[ "$1" = version ] && { echo '${text}'; exit 0; }`;

  it.each([
    ['echo /mnt/v1', { mountpoint: '/mnt/v1' }],
    ['exit 0', {}],
    ['echo /mnt/v1; exit 1', 'unknown'],
  ])('inspect, %s: %j', async (script, expected) => {
    const client = await aDvdcli(`${version('SemVer: 0.2.1')}\n${script}`);
    expect(await client.inspect(key, { signal })).toEqual(expected);
    expect((await argv())[0]).toBe('path');
  });

  it.each(['SemVer: 0.1.0', 'SemVer: v0.1.9+x', 'Binary: x', ''])(
    'does not inspect with a dvdcli that says %j, whose path may make the volume',
    async (text) => {
      const client = await aDvdcli(`${version(text)}\necho /mnt/v1`);
      expect(await client.inspect(key, { signal })).toBe('unknown');
      expect(await argv()).toEqual(['version']);
    },
  );
});
