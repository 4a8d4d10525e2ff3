/** What an allocation remembers of the last one stays true when something changes. */
import { parseResources } from '@drydock/mesos';
import { silentLogger } from '@drydock/base/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Master } from '../master.ts';
import type { AgentRecord } from '../registry.ts';
import { freeResources } from './free-resources.ts';
import { OfferFilters } from './offer-filters.ts';

let master: Master;
let agent: AgentRecord;
beforeEach(() => {
  master = new Master({
    hostname: 'localhost',
    ip: '127.0.0.1',
    port: 5050,
    version: '1.12.0',
    allocationIntervalMs: 1_000,
    completedFrameworkCountMax: 1,
    completedTaskCountMax: 1,
    logger: silentLogger,
  });
  const info = { hostname: 'h', resources: parseResources('cpus:4;mem:100') };
  agent = master.agents.add('S0', info, { pid: 'slave(1)@10.0.0.1:5051', version: '1.12.0' });
});
afterEach(() => {
  master[Symbol.dispose]();
});

describe('what an agent has free', () => {
  it('follows what is used, what is offered and what there is', () => {
    expect(freeResources(agent)).toEqual(parseResources('cpus:4;mem:100'));
    agent.used = parseResources('cpus:1');
    expect(freeResources(agent)).toEqual(parseResources('cpus:3;mem:100'));
    agent.offered = parseResources('cpus:1;mem:100');
    expect(freeResources(agent)).toEqual(parseResources('cpus:2'));
    agent.info = { ...agent.info, resources: parseResources('cpus:8;mem:200') };
    expect(freeResources(agent)).toEqual(parseResources('cpus:6;mem:100'));
    agent.used = [];
    agent.offered = [];
    expect(freeResources(agent)).toEqual(parseResources('cpus:8;mem:200'));
  });

  it('is the same list as long as nothing changes', () => {
    expect(freeResources(agent)).toBe(freeResources(agent));
    expect(freeResources(agent)).not.toBe(freeResources({ ...agent }));
  });
});

describe('a filter', () => {
  it('answers for each offer that it is asked about, also in turn', () => {
    const filters = new OfferFilters();
    filters.add('*', 'S0', { untilMs: 10, resources: parseResources('cpus:2') }, 0);
    const [small, large] = [parseResources('cpus:2'), parseResources('cpus:3')];
    const ask = (offered: typeof small, nowMs = 0): boolean => filters.isFiltered('*', 'S0', offered, nowMs);
    expect([ask(small), ask(small), ask(large), ask(small), ask(large)]).toEqual([true, true, false, true, false]);
    expect(ask(small, 10)).toBe(false);
  });
});
