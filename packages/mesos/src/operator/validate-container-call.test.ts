import { describe, expect, it } from 'vitest';
import type { ContainerID, Resource } from '../v1.ts';
import type { AgentCall, LaunchContainer } from './agent-messages.ts';
import { validateContainerCall } from './validate-container-call.ts';

const nested: ContainerID = { value: 'child', parent: { value: 'executor' } };
const deep: ContainerID = { value: 'grandchild', parent: nested };
const alone: ContainerID = { value: 'alone' };
const cpus = (fields: Partial<Resource> = {}): Resource => ({
  name: 'cpus',
  type: 'SCALAR',
  scalar: { value: 1 },
  ...fields,
});

type Field = Extract<keyof AgentCall, `${'launch' | 'wait' | 'kill' | 'remove'}_${string}`>;
const NESTED: readonly Field[] = [
  'launch_nested_container',
  'wait_nested_container',
  'kill_nested_container',
  'remove_nested_container',
];
const ANY: readonly Field[] = ['launch_container', 'wait_container', 'kill_container', 'remove_container'];

const callOf = (field: Field, id: ContainerID, rest: object = {}): AgentCall => ({
  // A call's type is the name of its body.
  type: field.toUpperCase() as AgentCall['type'] & string,
  [field]: { container_id: id, ...rest },
});
const launch = (id: ContainerID, rest: Omit<LaunchContainer, 'container_id'>): string | undefined =>
  validateContainerCall(callOf('launch_container', id, rest));

describe('validateContainerCall', () => {
  it.each([...NESTED, ...ANY])('takes %s of a container with parents', (field) => {
    expect(validateContainerCall(callOf(field, nested))).toBeUndefined();
    expect(validateContainerCall(callOf(field, deep))).toBeUndefined();
  });

  it.each(NESTED)('refuses %s without a parent', (field) => {
    expect(validateContainerCall(callOf(field, alone))).toBe(`Expecting '${field}.container_id.parent' to be present`);
  });

  it.each(ANY)('takes %s without a parent', (field) => {
    expect(validateContainerCall(callOf(field, alone))).toBeUndefined();
  });

  it.each([...NESTED, ...ANY])('refuses %s of an id that cannot be one', (field) => {
    const why = (id: ContainerID): string | undefined => validateContainerCall(callOf(field, id));
    const invalid = `'${field}.container_id' is invalid: `;
    expect(why({ ...nested, value: '' })).toBe(`${invalid}ID must not be empty`);
    expect(why({ ...nested, value: 'a/b' })).toBe(`${invalid}'a/b' contains invalid characters`);
    expect(why({ ...nested, value: 'a.b' })).toBe(`${invalid}'ContainerID.value' 'a.b' contains invalid characters`);
    expect(why({ ...nested, value: 'a b' })).toBe(`${invalid}'ContainerID.value' 'a b' contains invalid characters`);
    expect(why({ value: 'a', parent: { value: 'b', parent: { value: '..' } } })).toBe(
      `${invalid}'ContainerID.parent' is invalid: 'ContainerID.parent' is invalid: '..' is disallowed`,
    );
  });

  it.each(['launch_nested_container', 'launch_container'] as const)('refuses parts of %s', (field) => {
    const why = (rest: object): string | undefined => validateContainerCall(callOf(field, nested, rest));
    expect(why({ command: { environment: { variables: [{ name: 'A' }] } } })).toBe(
      `'${field}.command' is invalid: Environment variable 'A' of type 'VALUE' must have a value set`,
    );
    expect(why({ container: { type: 'MESOS', volumes: [{ mode: 'RW', container_path: 'v' }] } })).toBe(
      `'${field}.container' is invalid: Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'`,
    );
    const container = { type: 'MESOS', linux_info: { share_cgroups: false } };
    expect(validateContainerCall(callOf(field, nested, { container }))).toBeUndefined();
    expect(validateContainerCall(callOf(field, deep, { container }))).toBe(
      `'${field}' is invalid: containers nested at the second level or greater cannot set 'share_cgroups' to 'false'`,
    );
  });

  it.each<[string, Partial<Resource>]>([
    ["'launch_container.resources' must be unreserved", { role: 'dev' }],
    ["'launch_container.resources' must be unreserved", { reservations: [{ role: 'dev' }] }],
    ["'launch_container.resources' may not use persistent volumes", { disk: { persistence: { id: 'p' } } }],
    ["'launch_container.resources' must be non-revocable", { revocable: {} }],
  ])('refuses a container without a parent: %s (%j)', (why, fields) => {
    expect(launch(alone, { resources: [cpus(fields)] })).toBe(why);
    expect(launch(nested, { resources: [cpus(fields)] })).toBeUndefined();
  });

  it('refuses resources that are none, and what does not go with the place of a container', () => {
    expect(launch(alone, { resources: [cpus({ scalar: { value: -1 } })] })).toBe(
      "Invalid resources: Resource 'cpus:-1' is invalid: Invalid scalar resource: value < 0",
    );
    expect(launch(alone, { resources: [cpus({ name: 'gpus', scalar: { value: 0.5 } })] })).toBe(
      "Invalid GPU resources: The 'gpus' resource must be an unsigned integer",
    );
    const deepCannot = "'launch_container' is invalid: containers nested at the second level or greater cannot ";
    expect(launch(deep, { resources: [cpus()] })).toBe(`${deepCannot}specify resources`);
    expect(launch(deep, { limits: { cpus: { value: 1 } } })).toBe(`${deepCannot}specify resource limits`);
    expect(launch(alone, { container: { type: 'MESOS', linux_info: { share_cgroups: true } } })).toBe(
      "'launch_container' is invalid: containers without a parent cannot set 'share_cgroups' to 'true'",
    );
  });

  it('leaves other calls and missing bodies to others', () => {
    expect(validateContainerCall({ type: 'GET_STATE' })).toBeUndefined();
    expect(validateContainerCall({ type: 'LAUNCH_CONTAINER' })).toBeUndefined();
  });
});
