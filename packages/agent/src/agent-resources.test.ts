import { tmpdir } from 'node:os';
import { formatResources, parseResources, scalarOf } from '@drydock/mesos';
import { describe, expect, it } from 'vitest';
import { agentResources } from './agent-resources.ts';

const resourcesOf = async (flag?: string): Promise<string> => formatResources(await agentResources(flag, tmpdir()));

describe('agentResources', () => {
  it('takes what --resources names as it is, also what nothing detects', async () => {
    const flag = 'cpus:0.5;cpus(web):1;mem:64;disk:10;ports:[1-2];gpus:1';
    expect(parseResources(await resourcesOf(flag))).toEqual(parseResources(flag));
  });

  it('detects the rest, in whole megabytes, and less than all of it', async () => {
    const resources = await agentResources('mem(web):64', tmpdir());
    expect(scalarOf(resources, 'cpus')).toBeGreaterThanOrEqual(1);
    expect(scalarOf(resources, 'mem')).toBe(64);
    const disk = scalarOf(await agentResources(undefined, tmpdir()), 'disk');
    expect([disk > 0, Number.isInteger(disk)]).toEqual([true, true]);
    const mem = scalarOf(await agentResources(undefined, tmpdir()), 'mem');
    expect([mem > 0, Number.isInteger(mem)]).toEqual([true, true]);
    expect(resources.find(({ name }) => name === 'ports')).toEqual(parseResources('ports:[31000-32000]')[0]);
  });

  it('refuses what cannot be read', async () => {
    await expect(resourcesOf('cpus')).rejects.toThrow("Bad value for resources, missing or extra ':' in cpus");
  });
});
