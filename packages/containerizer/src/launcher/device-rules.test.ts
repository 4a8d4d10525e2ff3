import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDeviceList, readDeviceRules } from './device-rules.ts';

describe('the devices of a container on the host root', () => {
  it('are what the group of the agent lists', () => {
    expect(parseDeviceList('c 1:3 rwm\nb 7:* rwm\nc *:* m\n')).toEqual([
      { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
      { allow: true, type: 'b', major: 7, access: 'rwm' },
      { allow: true, type: 'c', access: 'm' },
    ]);
  });

  it('are all of them where the agent may use all', () => {
    expect(parseDeviceList('a *:* rwm\n')).toEqual([{ allow: true, access: 'rwm' }]);
  });

  it('are all of them where no group lists devices', async () => {
    expect(await readDeviceRules(undefined)).toEqual([{ allow: true, access: 'rwm' }]);
    expect(await readDeviceRules('/nonexistent')).toEqual([{ allow: true, access: 'rwm' }]);
  });

  it('are read from the file that the kernel has them in', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'devices-'));
    await writeFile(join(directory, 'devices.list'), 'c 10:237 rwm\n');
    expect(await readDeviceRules(directory)).toEqual([
      { allow: true, type: 'c', major: 10, minor: 237, access: 'rwm' },
    ]);
    await rm(directory, { recursive: true });
  });
});
