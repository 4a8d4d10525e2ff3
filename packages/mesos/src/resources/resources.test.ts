import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Range, Resource } from '../v1.ts';
import { parseResources } from './parse-resources.ts';
import {
  addResources,
  containsResources,
  formatResources,
  reservationsToState,
  resourcesToState,
  scalarOf,
  subtractResources,
  takeResources,
  unreservedOf,
} from './resources.ts';

const role = fc.constantFrom('*', 'dev');
const scalar: fc.Arbitrary<Resource> = fc.record({
  name: fc.constantFrom('cpus', 'mem'),
  type: fc.constant('SCALAR' as const),
  scalar: fc.record({ value: fc.integer({ min: 0, max: 10_000_000 }).map((thousandths) => thousandths / 1000) }),
  role,
});
const range: fc.Arbitrary<Range> = fc
  .tuple(fc.nat(60), fc.nat(20))
  .map(([begin, length]) => ({ begin, end: begin + length }));
const ranges: fc.Arbitrary<Resource> = fc.record({
  name: fc.constant('ports'),
  type: fc.constant('RANGES' as const),
  ranges: fc.record({ range: fc.array(range, { maxLength: 4 }) }),
  role,
});
const set: fc.Arbitrary<Resource> = fc.record({
  name: fc.constant('disks'),
  type: fc.constant('SET' as const),
  set: fc.record({ item: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }) }),
  role,
});
const scalars = fc.array(scalar, { maxLength: 6 });
const any = fc.array(fc.oneof(scalar, ranges, set), { maxLength: 6 });

/** In one order, so that equal amounts are equal values. */
const sorted = (resources: readonly Resource[]): unknown[] =>
  addResources(resources, [])
    .map((resource) => ({ ...resource, ...(resource.set === undefined ? {} : { set: resource.set.item?.toSorted() }) }))
    .toSorted((a, b) => `${a.name} ${a.role}`.localeCompare(`${b.name} ${b.role}`));

/** The numbers that ranges name, counted one by one. */
const numbersOf = (resources: readonly Resource[], ofRole: string): Set<number> =>
  new Set(
    resources
      .filter((resource) => resource.role === ofRole)
      .flatMap((resource) => resource.ranges?.range ?? [])
      .flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, index) => begin + index)),
  );

describe('resource arithmetic', () => {
  it('adds in any order and grouping', () => {
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        expect(sorted(addResources(a, b))).toEqual(sorted(addResources(b, a)));
        expect(sorted(addResources(addResources(a, b), c))).toEqual(sorted(addResources(a, addResources(b, c))));
        expect(sorted(addResources(a, []))).toEqual(sorted(a));
      }),
    );
  });

  it('gives back scalars that were added, to the thousandth', () => {
    fc.assert(
      fc.property(scalars, scalars, (a, b) => {
        expect(sorted(subtractResources(addResources(a, b), b))).toEqual(sorted(a));
      }),
    );
  });

  it('keeps what was not taken, for every kind', () => {
    fc.assert(
      fc.property(any, any, (a, b) => {
        const rest = subtractResources(a, b);
        expect(containsResources(a, rest)).toBe(true);
        expect(containsResources(addResources(rest, b), a)).toBe(true);
        expect(subtractResources(a, a)).toEqual([]);
      }),
    );
  });

  it('contains a part, and nothing that is left after taking everything', () => {
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(containsResources(addResources(a, b), b)).toBe(true);
        expect(containsResources(a, b)).toBe(subtractResources(b, a).length === 0);
      }),
    );
  });

  it('treats ranges as the numbers that they name', () => {
    fc.assert(
      fc.property(fc.array(ranges, { maxLength: 4 }), fc.array(ranges, { maxLength: 4 }), (a, b) => {
        for (const one of ['*', 'dev']) {
          const [inA, inB] = [numbersOf(a, one), numbersOf(b, one)];
          expect(numbersOf(addResources(a, b), one)).toEqual(inA.union(inB));
          expect(numbersOf(subtractResources(a, b), one)).toEqual(inA.difference(inB));
        }
      }),
    );
  });

  it('takes as many ranges as a body can hold from as many', () => {
    const even = Array.from({ length: 50_000 }, (_, index) => ({ begin: 4 * index, end: 4 * index + 2 }));
    const odd = even.map(({ begin }) => ({ begin: begin + 1, end: begin + 1 }));
    const ports = (range: Range[]): Resource[] => [{ name: 'ports', type: 'RANGES', ranges: { range } }];
    const [rest] = subtractResources(ports(even), ports(odd));
    expect(rest?.ranges?.range).toEqual(
      even.flatMap(({ begin, end }) => [begin, end].map((n) => ({ begin: n, end: n }))),
    );
    expect(containsResources(ports(even), ports(odd))).toBe(true);
    expect(subtractResources(ports(even), ports(even))).toEqual([]);
  });

  it('never changes what it is given', () => {
    fc.assert(
      fc.property(any, any, (a, b) => {
        const before = structuredClone([a, b]);
        addResources(a, b);
        subtractResources(a, b);
        expect([a, b]).toEqual(before);
      }),
    );
  });

  it.each([
    ['cpus:1', 'cpus:1.001', false],
    ['cpus:1', 'cpus:1', true],
    ['cpus:1', 'cpus(dev):1', false],
    ['cpus:1', 'mem:1', false],
    ['ports:[1-3,5-6]', 'ports:[2-3]', true],
    ['ports:[1-3,5-6]', 'ports:[3-5]', false],
    ['disks:{a,b}', 'disks:{b}', true],
    ['disks:{a,b}', 'disks:{c}', false],
    ['', 'cpus:0', true],
  ])('%s contains %s: %s', (whole, part, expected) => {
    expect(containsResources(parseResources(whole), parseResources(part))).toBe(expected);
  });

  it.each([
    ['cpus:2;mem:10', 'cpus:1', 'dev', 'cpus:1'],
    ['cpus:2;cpus(dev):0.4', 'cpus:1', 'dev', 'cpus(dev):0.4; cpus:0.6'],
    ['cpus(dev):2;cpus:2', 'cpus:1', 'dev', 'cpus(dev):1'],
    ['cpus(dev):2;cpus:2', 'cpus:1', '*', 'cpus:1'],
    ['cpus(dev):2', 'cpus:1', '*', undefined],
    ['cpus(dev):2;cpus:2', 'cpus(dev):1', '*', 'cpus(dev):1'],
    ['cpus:2', 'cpus(dev):1', 'dev', undefined],
    ['ports:[1-3];ports(dev):[5-6]', 'ports:[4-6]', 'dev', undefined],
    ['ports:[1-4];ports(dev):[5-6]', 'ports:[4-6]', 'dev', 'ports(dev):[5-6]; ports:[4-4]'],
    ['cpus:1', 'cpus:0.6;cpus:0.6', '*', undefined],
    ['cpus:1', '', '*', '{}'],
  ])('takes from %s for %s of role %s: %s', (available, wanted, role, expected) => {
    const taken = takeResources(parseResources(available), wanted === '' ? [] : parseResources(wanted), role);
    expect(taken && formatResources(taken)).toBe(expected);
  });

  it('adds tenths without drift', () => {
    expect(addResources(parseResources('cpus:0.1'), parseResources('cpus:0.2'))).toEqual(parseResources('cpus:0.3'));
  });

  it('does not let an allocation separate resources', () => {
    const offered = parseResources('cpus:1').map((one) => ({ ...one, allocation_info: { role: 'dev' } }));
    expect(containsResources(offered, parseResources('cpus:1'))).toBe(true);
  });

  it('sums a scalar over roles', () => {
    expect(scalarOf(parseResources('cpus:1;cpus(dev):0.5;mem:3'), 'cpus')).toBe(1.5);
    expect(scalarOf([], 'cpus')).toBe(0);
  });

  it('shows resources as /state has them', () => {
    expect(resourcesToState(parseResources('cpus:1;cpus(dev):1;ports:[1-2,4-4];disks:{a,b}'))).toEqual({
      cpus: 2,
      gpus: 0,
      mem: 0,
      disk: 0,
      ports: '[1-2, 4-4]',
      disks: '{a, b}',
    });
  });

  it('shows by role what is reserved, in either form', () => {
    const [cpus] = parseResources('cpus:1');
    if (cpus === undefined) throw new Error('there are cpus');
    const { role: _, ...bare } = cpus;
    const refined = (...roles: string[]): Resource => ({ ...bare, reservations: roles.map((role) => ({ role })) });
    const resources = [...parseResources('cpus:4;cpus(dev):2'), bare, refined('dev'), refined('dev', 'dev/test')];
    const amounts = (value: number): object => ({ cpus: value, gpus: 0, mem: 0, disk: 0 });
    expect(reservationsToState(resources)).toEqual({ dev: amounts(3), 'dev/test': amounts(1) });
    expect(resourcesToState(unreservedOf(resources))).toEqual(amounts(5));
  });
});

describe('parseResources', () => {
  it('reads what formatResources writes', () => {
    fc.assert(
      fc.property(any, (resources) => {
        const whole = addResources(resources, []);
        const text = formatResources(whole);
        expect(sorted(text === '{}' ? [] : parseResources(text))).toEqual(sorted(whole));
      }),
    );
  });

  it.each([
    ['cpus:1;mem:128;ports:[31000-32000]', 'cpus:1; mem:128; ports:[31000-32000]'],
    [' cpus : 0.5 ; cpus:0.25 ', 'cpus:0.75'],
    ['cpus(dev):1', 'cpus(dev):1'],
    ['ports:[5-6,1-2,3-4]', 'ports:[1-6]'],
    ['cpus:0', '{}'],
    ['', '{}'],
    ['[{"name":"cpus","type":"SCALAR","scalar":{"value":2}}]', 'cpus:2'],
    [
      '[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"reservations":[{"type":"STATIC","role":"dev"}]}]',
      'cpus(dev):2',
    ],
  ])('%s = %s', (text, expected) => {
    expect(formatResources(parseResources(text))).toBe(expected);
  });

  it('gives the default role where none is named', () => {
    expect(formatResources(parseResources('cpus:1;mem(ops):1', { defaultRole: 'dev' }))).toBe(
      'cpus(dev):1; mem(ops):1',
    );
  });

  it.each([
    ['cpus', "Bad value for resources, missing or extra ':' in cpus"],
    ['cpus:1:2', "Bad value for resources, missing or extra ':' in cpus:1:2"],
    ['cpus(:1', 'Bad value for resources, mismatched parentheses in cpus(:1'],
    ['cpus)(:1', 'Bad value for resources, mismatched parentheses in cpus)(:1'],
    ['cpus:-1', 'Invalid scalar resource: value < 0 in cpus:-1'],
    ['cpus:x', 'Bad type for resource cpus value x type TEXT'],
    ['cpus: ;mem:1', 'Failed to parse resource cpus value   error Expecting non-empty string'],
    ['ports:[2-1]', "Failed to parse resource ports value [2-1] error Expecting a range (e.g., '[1-10]') in '2-1'"],
    ['ports:[1-2', 'Failed to parse resource ports value [1-2 error Mismatched brackets'],
    ['disks:{a', 'Failed to parse resource disks value {a error Mismatched brackets'],
    ['[{"name":"cpus"}]', 'Missing required fields: type'],
    [
      '[{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}]',
      "Resource 'cpus:-1' is invalid: Invalid scalar resource: value < 0",
    ],
    ['[', 'JSON'],
    ...[
      '"reservations":[{"type":"DYNAMIC","role":"dev"}]',
      '"reservation":{"principal":"p"}',
      '"disk":{"source":{"type":"RAW"}}',
      '"revocable":{}',
      '"shared":{}',
      '"provider_id":{"value":"p"}',
    ].map((field): [string, string] => [
      `[{"name":"disk","type":"SCALAR","scalar":{"value":1},${field}}]`,
      `Resource 'disk' is not supported with \`${field.slice(1, field.indexOf('"', 1))}\``,
    ]),
  ])('refuses %j', (text, why) => {
    expect(() => parseResources(text)).toThrow(why);
  });
});
