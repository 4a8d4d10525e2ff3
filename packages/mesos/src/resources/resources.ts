/**
 * Arithmetic on `Resource` lists: scalars (three decimals, as upstream's fixed point), ranges, sets. Two resources add
 * up when name, type and role are equal; `allocation_info` says whom they are offered to and does not separate them.
 * @see src/v1/resources.cpp, src/v1/values.cpp
 */
import { assert } from '@drydock/base/errors';
import type { Attribute, Range, Resource } from '../v1.ts';

const DECIMALS = 1_000;

/** One kind of resource with a quantity; scalars are integers in thousandths. */
type Quantity =
  | { readonly type: 'SCALAR'; readonly thousandths: number }
  | { readonly type: 'RANGES'; readonly ranges: readonly Range[] }
  | { readonly type: 'SET'; readonly items: ReadonlySet<string> };

/** The sum; resources of the same kind are merged, empty ones left out. */
export function addResources(a: readonly Resource[], b: readonly Resource[]): Resource[] {
  const sum = quantitiesOf(a);
  for (const [key, quantity] of quantitiesOf(b)) {
    const present = sum.get(key);
    sum.set(key, present === undefined ? quantity : add(present, quantity));
  }
  return toResources(sum);
}

/** `a` without `b`, never below nothing. */
export function subtractResources(a: readonly Resource[], b: readonly Resource[]): Resource[] {
  const rest = quantitiesOf(a);
  for (const [key, quantity] of quantitiesOf(b)) {
    const present = rest.get(key);
    if (present !== undefined) rest.set(key, subtract(present, quantity));
  }
  return toResources(rest);
}

/** Whether `a` has at least everything of `b`. */
export function containsResources(a: readonly Resource[], b: readonly Resource[]): boolean {
  const whole = quantitiesOf(a);
  return [...quantitiesOf(b)].every(([key, part]) => {
    if (isEmpty(part)) return true;
    const present = whole.get(key);
    return present !== undefined && isEmpty(subtract(part, present));
  });
}

/**
 * What to take of `available` for `wanted`: a resource without a role is taken from those of `role` first and then from
 * `*`, one with a role from that role alone. Undefined when there is not enough.
 * @see src/v1/resources.cpp Resources::find, src/cli/execute.cpp offers
 */
export function takeResources(
  available: readonly Resource[],
  wanted: readonly Resource[],
  role: string,
): Resource[] | undefined {
  let rest = [...available];
  let taken: Resource[] = [];
  for (const one of wanted) {
    const roles = one.role === undefined || one.role === '*' ? new Set([role, '*']) : [one.role];
    let missing: Resource[] = [{ ...one, role: '*' }];
    for (const from of roles) {
      const candidates = rest.filter((resource) => (resource.role ?? '*') === from);
      const left = subtractResources(missing, withRole(candidates, '*'));
      const part = withRole(subtractResources(missing, left), from);
      taken = addResources(taken, part);
      rest = subtractResources(rest, part);
      missing = left;
    }
    if (missing.length > 0) return undefined;
  }
  return taken;
}

function withRole(resources: readonly Resource[], role: string): Resource[] {
  return resources.map((resource) => ({ ...resource, role }));
}

/** The scalar total of one name over all roles; 0 when there is none. */
export function scalarOf(resources: readonly Resource[], name: string): number {
  let thousandths = 0;
  for (const resource of resources) {
    if (resource.name === name && resource.type === 'SCALAR') thousandths += toThousandths(resource.scalar?.value ?? 0);
  }
  return thousandths / DECIMALS;
}

/** Upstream's text: `cpus:1; mem:128; ports:[31000-32000]`, with `name(role)` for a role other than `*`. */
export function formatResources(resources: readonly Resource[]): string {
  if (resources.length === 0) return '{}';
  return toResources(quantitiesOf(resources))
    .map((resource) => `${resource.name}${roleSuffix(resource)}:${formatValue(resource)}`)
    .join('; ');
}

/** As the legacy `/state` shows them: `{cpus: 1, gpus: 0, mem: 128, disk: 0, ports: "[31000-32000]"}`. */
export function resourcesToState(resources: readonly Resource[]): Record<string, number | string> {
  const state: Record<string, number | string> = { cpus: 0, gpus: 0, mem: 0, disk: 0 };
  const roleless = resources.map((resource) => ({ ...resource, role: '*' }));
  for (const resource of toResources(quantitiesOf(roleless))) {
    state[resource.name] = resource.type === 'SCALAR' ? (resource.scalar?.value ?? 0) : formatValue(resource);
  }
  return state;
}

/** What is reserved for each role, by role, as `resourcesToState` shows it. */
export function reservationsToState(resources: readonly Resource[]): Record<string, Record<string, number | string>> {
  const reserved = resources.filter((resource) => !isUnreserved(resource));
  const byRole = Map.groupBy(reserved, reservationRole);
  return Object.fromEntries([...byRole].map(([role, own]) => [role, resourcesToState(own)]));
}

/** What is reserved for no role. */
export function unreservedOf(resources: readonly Resource[]): readonly Resource[] {
  return resources.filter(isUnreserved);
}

const isUnreserved = (resource: Resource): boolean => reservationRole(resource) === '*';

/** The role that may use a resource, whichever form says so: of several reservations the last, as upstream. */
const reservationRole = ({ reservations = [], role = '*' }: Resource): string => reservations.at(-1)?.role ?? role;

/** As the legacy `/state` shows attributes: numbers as such, texts, ranges and sets as text. */
export function attributesToState(attributes: readonly Attribute[]): Record<string, number | string> {
  return Object.fromEntries(attributes.map((attribute) => [attribute.name, attributeValue(attribute)]));
}

function attributeValue(attribute: Attribute): number | string {
  switch (attribute.type) {
    case 'SCALAR':
      return attribute.scalar?.value ?? 0;
    case 'TEXT':
      return attribute.text?.value ?? '';
    case 'RANGES':
    case 'SET':
      return formatValue(attribute);
  }
}

function roleSuffix(resource: Resource): string {
  return resource.role === undefined || resource.role === '*' ? '' : `(${resource.role})`;
}

function formatValue(resource: Pick<Resource, 'type' | 'scalar' | 'ranges' | 'set'>): string {
  if (resource.type === 'SCALAR') return String(resource.scalar?.value ?? 0);
  if (resource.type === 'SET') return `{${(resource.set?.item ?? []).join(', ')}}`;
  return `[${(resource.ranges?.range ?? []).map(({ begin, end }) => `${begin}-${end}`).join(', ')}]`;
}

const keyOf = (resource: Resource): string => JSON.stringify([resource.name, resource.type, resource.role ?? '*']);

function quantitiesOf(resources: readonly Resource[]): Map<string, Quantity> {
  const quantities = new Map<string, Quantity>();
  for (const resource of resources) {
    const key = keyOf(resource);
    const quantity = quantityOf(resource);
    const present = quantities.get(key);
    quantities.set(key, present === undefined ? quantity : add(present, quantity));
  }
  return quantities;
}

function quantityOf(resource: Resource): Quantity {
  switch (resource.type) {
    case 'RANGES':
      return { type: 'RANGES', ranges: coalesce(resource.ranges?.range ?? []) };
    case 'SET':
      return { type: 'SET', items: new Set(resource.set?.item ?? []) };
    default:
      return { type: 'SCALAR', thousandths: toThousandths(resource.scalar?.value ?? 0) };
  }
}

function toResources(quantities: ReadonlyMap<string, Quantity>): Resource[] {
  const resources: Resource[] = [];
  for (const [key, quantity] of quantities) {
    if (isEmpty(quantity)) continue;
    const [name, , role] = JSON.parse(key) as [string, string, string]; // Made by `keyOf`.
    const common = { name, role };
    if (quantity.type === 'SCALAR') {
      resources.push({ ...common, type: 'SCALAR', scalar: { value: quantity.thousandths / DECIMALS } });
    } else if (quantity.type === 'RANGES') {
      resources.push({ ...common, type: 'RANGES', ranges: { range: quantity.ranges.map((range) => ({ ...range })) } });
    } else {
      resources.push({ ...common, type: 'SET', set: { item: [...quantity.items] } });
    }
  }
  return resources;
}

function add(a: Quantity, b: Quantity): Quantity {
  if (a.type === 'SCALAR' && b.type === 'SCALAR') return { type: 'SCALAR', thousandths: a.thousandths + b.thousandths };
  if (a.type === 'RANGES' && b.type === 'RANGES') {
    return { type: 'RANGES', ranges: coalesce([...a.ranges, ...b.ranges]) };
  }
  assert(a.type === 'SET' && b.type === 'SET', 'Expected resources of one type under one key');
  return { type: 'SET', items: a.items.union(b.items) };
}

function subtract(a: Quantity, b: Quantity): Quantity {
  if (a.type === 'SCALAR' && b.type === 'SCALAR') {
    return { type: 'SCALAR', thousandths: Math.max(0, a.thousandths - b.thousandths) };
  }
  if (a.type === 'RANGES' && b.type === 'RANGES') return { type: 'RANGES', ranges: cut(a.ranges, b.ranges) };
  assert(a.type === 'SET' && b.type === 'SET', 'Expected resources of one type under one key');
  return { type: 'SET', items: a.items.difference(b.items) };
}

function isEmpty(quantity: Quantity): boolean {
  if (quantity.type === 'SCALAR') return quantity.thousandths <= 0;
  return quantity.type === 'RANGES' ? quantity.ranges.length === 0 : quantity.items.size === 0;
}

const toThousandths = (value: number): number => Math.round(value * DECIMALS);

/** Sorted, without overlaps, neighbours joined. */
function coalesce(ranges: readonly Range[]): Range[] {
  const joined: Range[] = [];
  for (const range of ranges.filter(({ begin, end }) => begin <= end).toSorted((a, b) => a.begin - b.begin)) {
    const last = joined.at(-1);
    if (last !== undefined && range.begin <= last.end + 1) last.end = Math.max(last.end, range.end);
    else joined.push({ ...range });
  }
  return joined;
}

/** `a` without `b`; both coalesced, so that each is passed over once. */
function cut(a: readonly Range[], b: readonly Range[]): Range[] {
  const rest: Range[] = [];
  let first = 0;
  for (const { begin, end } of a) {
    while ((b[first]?.end ?? Infinity) < begin) first += 1;
    let from = begin;
    for (let at = first; at < b.length; at += 1) {
      const hole = b[at];
      if (hole === undefined || hole.begin > end) break;
      if (hole.begin > from) rest.push({ begin: from, end: hole.begin - 1 });
      from = hole.end + 1;
    }
    if (from <= end) rest.push({ begin: from, end });
  }
  return rest;
}
