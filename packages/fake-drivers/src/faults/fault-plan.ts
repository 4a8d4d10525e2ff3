/**
 * Faults of a driver, as text: `mount: 1*off -> 1*error(no space left) -> delay(200ms); get[v1]: 25%hang`. Per call, or
 * per call and volume, a chain of terms `[COUNT*][PERCENT%]ACTION`; a counted term is used up, one without a count stays
 * for ever; after the last the driver is well. A term with a percentage happens that often, drawn with the driver's seed,
 * and is `off` otherwise. A chain for the volume comes before one for the call, that before one for `any` call.
 * The idea of counted terms is that of failpoints in FreeBSD and containerd.
 */
import { DomainError } from '@drydock/base/errors';
import type { PluginCall } from '@drydock/volume-plugin/server';
import type { SeededRandom } from '@drydock/base/seeded-random';
import { faultActionUsage, parseFaultAction, type FaultAction } from './fault-action.ts';

/** The text of a fault cannot be read. */
export class FaultSyntaxError extends DomainError<'BAD_FAULT'> {
  readonly code = 'BAD_FAULT';
}

const methodOf: Readonly<Record<string, PluginCall['method'] | 'any'>> = {
  activate: 'Plugin.Activate',
  create: 'VolumeDriver.Create',
  remove: 'VolumeDriver.Remove',
  mount: 'VolumeDriver.Mount',
  unmount: 'VolumeDriver.Unmount',
  path: 'VolumeDriver.Path',
  get: 'VolumeDriver.Get',
  list: 'VolumeDriver.List',
  capabilities: 'VolumeDriver.Capabilities',
  any: 'any',
};

interface Term {
  readonly action: FaultAction;
  /** From 0 to 1. */
  readonly probability: number;
  usesLeft: number;
}

interface Chain {
  readonly method: PluginCall['method'] | 'any';
  readonly volume: string | undefined;
  readonly terms: readonly Term[];
}

export class FaultPlan {
  readonly text: string;
  readonly #chains: readonly Chain[];

  private constructor(text: string, chains: readonly Chain[]) {
    this.text = text;
    this.#chains = chains;
  }

  /** `''` is a well driver. @throws FaultSyntaxError */
  static parse(text: string): FaultPlan {
    const chains: Chain[] = [];
    const rest: Reader = new Reader(text);
    while (!rest.isAtEnd()) {
      const [, call = '', volume] = rest.take(/([a-z]+)(?:\[([^\]]*)\])?\s*:\s*/y) ?? [];
      const method = Object.hasOwn(methodOf, call) ? methodOf[call] : undefined;
      if (method === undefined) return rest.fail(`one of ${Object.keys(methodOf).join(', ')} and a colon`);
      const terms: Term[] = [];
      do terms.push(readTerm(rest));
      while (rest.take(/->\s*/y) !== null);
      chains.push({ method, volume, terms });
      if (!rest.isAtEnd() && rest.take(/;\s*/y) === null) rest.fail('`;` or `->`');
    }
    return new FaultPlan(text, chains);
  }

  /** The same faults, but only for one volume. */
  forVolume(volume: string): FaultPlan {
    return new FaultPlan(
      this.text,
      this.#chains.map((chain) => ({ ...chain, volume })),
    );
  }

  /** What happens to the next such call; uses up a counted term. Undefined when no term is left for it. */
  next(method: PluginCall['method'], volume: string, random: SeededRandom): FaultAction | undefined {
    const term = byPrecision(this.#chains.filter((chain) => isFor(chain, method, volume)))
      .flatMap(({ terms }) => terms)
      .find(({ usesLeft }) => usesLeft > 0);
    if (term === undefined) return undefined;
    term.usesLeft--;
    return random.fraction() < term.probability ? term.action : { kind: 'off' };
  }
}

function isFor(chain: Chain, method: PluginCall['method'], volume: string): boolean {
  return (chain.method === 'any' || chain.method === method) && (chain.volume === undefined || chain.volume === volume);
}

function byPrecision(chains: readonly Chain[]): readonly Chain[] {
  const rank = (chain: Chain): number => (chain.volume === undefined ? 2 : 0) + (chain.method === 'any' ? 1 : 0);
  return [...chains].sort((a, b) => rank(a) - rank(b));
}

function readTerm(rest: Reader): Term {
  const count = rest.take(/(\d{1,9})\*/y)?.[1];
  const percent = rest.take(/(\d{1,3})%\s*\*?/y)?.[1];
  if (Number(percent) > 100) rest.fail('at most 100%');
  const match = rest.take(/([a-z]+[0-9]*)(?:\(([^)]*)\))?\s*/y);
  const action = parseFaultAction(match?.[1] ?? '', match?.[2] ?? '');
  return {
    action: action ?? rest.fail(faultActionUsage.join(', ')),
    probability: percent === undefined ? 1 : Number(percent) / 100,
    usesLeft: count === undefined ? Number.POSITIVE_INFINITY : Number(count),
  };
}

/** A text that is read from left to right with sticky patterns. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.trim();
  }

  isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  fail(expected: string): never {
    throw new FaultSyntaxError(`Expected ${expected} in faults "${this.#text}" before "${this.#text.slice(this.#at)}"`);
  }
}
