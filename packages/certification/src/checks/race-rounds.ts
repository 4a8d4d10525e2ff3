/**
 * Races on one volume, and whether an order of the calls explains what was answered. Calls of a round start at once and
 * all end before the next begins; so a round is explained by an order of its own calls, from one of the states that the
 * rounds before can have left.
 */
import type { CheckContext } from '../run/check-context.ts';
import type { BareAnswer } from '../wire/bare-plugin.ts';
import { isObject } from '../wire/bare-plugin.ts';
import { listedCount, mountBare, unmountBare } from './bare-volume.ts';

const CALLS_PER_ROUND = 4;
/** Each call is kept in the history. */
const ROUNDS_MAX = 1_000;
/** Of a driver that counts, what clean-up has to undo. */
const MOUNTS_MAX = 50;

const calls = ['Mount', 'Mount', 'Unmount', 'Unmount', 'Path', 'Get', 'List'] as const;
type Call = (typeof calls)[number];

export interface Answered {
  readonly call: Call;
  readonly isSuccess: boolean;
  /** What Path or Get told: a mountpoint, or `''` for none; undefined when it tells nothing that depends on the state. */
  readonly told?: string;
}

/** What a driver's answers depend on, as found out one call after the other. */
export interface VolumeModel {
  /** An Unmount undoes one Mount, not all. */
  readonly isCounting: boolean;
}

/**
 * Races until the manifest's `raceMs` are over, then unmounts.
 * @throws CheckFailedError when no order explains a round; when a call is not answered
 */
export async function raceRounds(context: CheckContext, name: string): Promise<void> {
  const { manifest, measure, expect, random } = context;
  const { model, telling, mountpoint } = await learnModel(context, name);
  const deadline = performance.now() + manifest.budgets.raceMs;
  let states: ReadonlySet<number> = new Set([0]);
  let rounds = 0;
  let mounts = 0;
  while (performance.now() < deadline && rounds < ROUNDS_MAX && mounts < MOUNTS_MAX * (model.isCounting ? 1 : 1_000)) {
    const drawn = Array.from({ length: CALLS_PER_ROUND }, () => calls[random.between(0, calls.length - 1)] ?? 'Path');
    const answered = await Promise.all(drawn.map(async (call) => await ask(context, name, call, telling)));
    const before = states;
    states = explain(answered, states, model);
    rounds++;
    mounts += answered.filter(({ call, isSuccess }) => call === 'Mount' && isSuccess).length;
    expect(
      states.size > 0,
      `an order of the calls of round ${rounds} that explains them, from ${describeStates(before)}`,
      answered.map(describe).join('; '),
    );
    const strange = answered.find(({ told }) => told !== undefined && told !== '' && told !== mountpoint);
    expect(strange === undefined, `no other mountpoint than ${mountpoint}`, strange?.told);
  }
  measure('roundCount', rounds);
  const most = Math.max(...states);
  for (let count = 0; count < Math.max(most, 1); count++) {
    await context.plugin.call('VolumeDriver.Unmount', { Name: name }); // may be unmounted, and refuse
  }
}

/** The states in which a round can have ended that began in one of `states`; empty when no order explains it. */
export function explain(
  answered: readonly Answered[],
  states: ReadonlySet<number>,
  model: VolumeModel,
): ReadonlySet<number> {
  const ends = new Set<number>();
  for (const state of states) {
    if (answered.length === 0) ends.add(state);
    for (const [index, one] of answered.entries()) {
      const next = step(one, state, model);
      if (next === undefined) continue;
      const others = answered.filter((_, at) => at !== index);
      for (const end of explain(others, new Set([next]), model)) ends.add(end);
    }
  }
  return ends;
}

/** The number of mounts after a call, undefined when it cannot have been answered like that. A refusal changes nothing. */
function step({ call, isSuccess, told }: Answered, mounts: number, { isCounting }: VolumeModel): number | undefined {
  if (told !== undefined) return (told !== '') === mounts > 0 ? mounts : undefined;
  if (!isSuccess) return mounts;
  if (call === 'Mount') return isCounting ? mounts + 1 : 1;
  if (call === 'Unmount') return isCounting ? Math.max(mounts - 1, 0) : 0;
  return mounts;
}

async function learnModel(
  context: CheckContext,
  name: string,
): Promise<{ readonly model: VolumeModel; readonly telling: ReadonlySet<Call>; readonly mountpoint: string }> {
  const look = async (): Promise<Record<'Path' | 'Get', string>> => ({
    Path: mountpointIn(await callOf(context, name, 'Path')),
    Get: mountpointIn(await callOf(context, name, 'Get')),
  });
  const before = await look();
  const mountpoint = await mountBare(context, name);
  const mounted = await look();
  await mountBare(context, name);
  await unmountBare(context, name);
  const after = await look();
  const telling = new Set((['Path', 'Get'] as const).filter((call) => before[call] === '' && mounted[call] !== ''));
  const isCounting = [...telling].some((call) => after[call] !== '');
  if (isCounting) await unmountBare(context, name);
  if (telling.size === 0) context.note('Neither Path nor Get tells whether a volume is mounted, so less can be seen');
  return { model: { isCounting }, telling, mountpoint };
}

async function callOf({ plugin }: CheckContext, name: string, call: Exclude<Call, 'List'>): Promise<BareAnswer> {
  return await plugin.call(`VolumeDriver.${call}`, { Name: name });
}

async function ask(context: CheckContext, name: string, call: Call, telling: ReadonlySet<Call>): Promise<Answered> {
  if (call === 'List') {
    const count = await listedCount(context, name);
    context.expect(count === undefined || count === 1, 'List to tell of the volume once', `${count}`);
    return { call, isSuccess: count !== undefined };
  }
  const answer = await callOf(context, name, call);
  const isSilent = !answer.isSuccess && answer.text.trim() === '';
  context.expect(!isSilent, `${call} to succeed or to say why not`, answer.summary);
  const told = telling.has(call) && answer.isSuccess ? { told: mountpointIn(answer) } : {};
  return { call, isSuccess: answer.isSuccess, ...told };
}

/** Of Path, or of Get's volume; `''` for none. */
function mountpointIn({ json, isSuccess }: BareAnswer): string {
  if (!isSuccess) return '';
  const volume = json?.['Volume'];
  const told = isObject(volume) ? volume['Mountpoint'] : json?.['Mountpoint'];
  return typeof told === 'string' ? told : '';
}

function describe({ call, isSuccess, told }: Answered): string {
  return `${call}: ${told === undefined ? (isSuccess ? 'success' : 'refused') : told || 'not mounted'}`;
}

function describeStates(states: ReadonlySet<number>): string {
  return [...states].map((mounts) => (mounts === 0 ? 'unmounted' : `mounted (${mounts})`)).join(' or ');
}
