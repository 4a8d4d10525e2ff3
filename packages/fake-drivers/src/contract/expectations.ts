import { ContractError, type CaseContext } from './plugin-case.ts';
import type { WireAnswer } from './socket-client.ts';

const shown = (answer: WireAnswer): string => `status ${answer.status} ${answer.text.slice(0, 300)}`;

export function expectThat(condition: boolean, expected: string, got: string): asserts condition {
  if (!condition) throw new ContractError(`Expected ${expected}, got ${got}`);
}

/** Status 200 and a JSON object without an error. Gives the object. */
export function expectSuccess(call: string, answer: WireAnswer): Readonly<Record<string, unknown>> {
  const { status, json } = answer;
  expectThat(status === 200 && json !== undefined && !json['Err'], `${call} to succeed`, shown(answer));
  return json;
}

/** A refusal with a text that says why. */
export function expectRefusal(call: string, answer: WireAnswer, context: CaseContext): string {
  const { refusalStatus } = context.habits;
  const text = answer.json?.['Err'];
  const isRefusal = answer.status === refusalStatus && typeof text === 'string' && text !== '';
  expectThat(isRefusal, `${call} to be refused with status ${refusalStatus} and Err`, shown(answer));
  return text;
}

/** As the habit says. */
export function expectOutcome(
  call: string,
  answer: WireAnswer,
  outcome: 'succeeds' | 'is refused',
  context: CaseContext,
): void {
  if (outcome === 'succeeds') expectSuccess(call, answer);
  else expectRefusal(call, answer, context);
}

/** The mountpoint of an answer; `''` when there is none. */
export function mountpointOf(json: Readonly<Record<string, unknown>>): string {
  const mountpoint = json['Mountpoint'] ?? '';
  expectThat(typeof mountpoint === 'string', 'Mountpoint to be a text', JSON.stringify(mountpoint));
  return mountpoint;
}

/** The `Volume` of Get. */
export function volumeOf(json: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const volume = json['Volume'];
  expectThat(typeof volume === 'object' && volume !== null, 'Get to answer a Volume', JSON.stringify(json));
  return { ...volume };
}

/** A volume that exists. */
export async function aVolume(context: CaseContext): Promise<string> {
  const name = context.volumeName();
  const Opts = context.optionsFor(name);
  expectSuccess('Create', await context.client.post('VolumeDriver.Create', { Name: name, Opts }));
  return name;
}

/** A body of Mount or Unmount, with an id where the driver needs one. */
export function use(name: string, context: CaseContext, id = 'case'): object {
  return context.habits.needsMountId ? { Name: name, ID: id } : { Name: name };
}

/** Leaves nothing of the volume where the driver lets it. */
export async function discard(name: string, context: CaseContext): Promise<void> {
  await context.client.post('VolumeDriver.Unmount', use(name, context));
  await context.client.post('VolumeDriver.Remove', { Name: name });
}
