import { parseResources, type Offer } from '@drydock/mesos';
import { describe, expect, it } from 'vitest';
import { placeTasks, type PlacementOptions } from './offers.ts';
import type { Kind } from './tasks.ts';

const anOffer = (agent: string, resources = 'cpus:1;mem:64', id = agent): Offer => ({
  id: { value: id },
  framework_id: { value: 'F' },
  agent_id: { value: agent },
  hostname: agent,
  resources: parseResources(resources),
});
const place = (kinds: readonly Kind[], offers: readonly Offer[], options: Partial<PlacementOptions> = {}): unknown => {
  const given = { role: 'r', takenAgents: [], mayShareAgent: false, ...options };
  const { placements, isHeldBack } = placeTasks(kinds, offers, given);
  return [placements.map(({ kind, offer }) => `${kind} ${offer.id.value}`), isHeldBack];
};

describe('placeTasks', () => {
  it.each<[string, readonly Kind[], readonly Offer[], Partial<PlacementOptions>, readonly string[], boolean]>([
    ['nothing without offers', ['writer', 'reader'], [], {}, [], false],
    ['nothing when nothing is missing', [], [anOffer('A')], {}, [], false],
    [
      'each on an agent of its own',
      ['writer', 'reader'],
      [anOffer('A'), anOffer('B')],
      {},
      ['writer A', 'reader B'],
      false,
    ],
    [
      'one, and holds the other back',
      ['writer', 'reader'],
      [anOffer('A'), anOffer('A', 'cpus:1;mem:64', 'A2')],
      {},
      ['writer A'],
      true,
    ],
    [
      'both on one agent when they may share it',
      ['writer', 'reader'],
      [anOffer('A'), anOffer('A', 'cpus:1;mem:64', 'A2')],
      { mayShareAgent: true },
      ['writer A', 'reader A2'],
      false,
    ],
    [
      'one task at most on an offer',
      ['writer', 'reader'],
      [anOffer('A')],
      { mayShareAgent: true },
      ['writer A'],
      false,
    ],
    ['not where the other one runs', ['reader'], [anOffer('A')], { takenAgents: ['A'] }, [], true],
    [
      'apart even when they may share',
      ['reader'],
      [anOffer('A'), anOffer('B')],
      { takenAgents: ['A'], mayShareAgent: true },
      ['reader B'],
      false,
    ],
    [
      'nothing where there is too little',
      ['writer'],
      [anOffer('A', 'cpus:0.09;mem:64'), anOffer('B', 'cpus:1;mem:31')],
      {},
      [],
      false,
    ],
    ['just what there is', ['writer'], [anOffer('A', 'cpus:0.1;mem:32')], {}, ['writer A'], false],
    ['what is reserved for its role', ['writer'], [anOffer('A', 'cpus(r):0.1;mem(r):32')], {}, ['writer A'], false],
    ['nothing that is reserved for another role', ['writer'], [anOffer('A', 'cpus(x):1;mem(x):64')], {}, [], false],
  ])('places %s', (_, kinds, offers, options, placed, isHeldBack) => {
    expect(place(kinds, offers, options)).toEqual([placed, isHeldBack]);
  });

  it('takes of the role first and of everybody then', () => {
    const offer = anOffer('A', 'cpus(r):0.04;cpus:1;mem:64');
    const { placements } = placeTasks(['writer'], [offer], { role: 'r', takenAgents: [], mayShareAgent: false });
    expect(placements[0]?.resources).toEqual([
      { name: 'cpus', type: 'SCALAR', role: 'r', scalar: { value: 0.04 } },
      { name: 'cpus', type: 'SCALAR', role: '*', scalar: { value: 0.06 } },
      { name: 'mem', type: 'SCALAR', role: '*', scalar: { value: 32 } },
    ]);
  });
});
