/**
 * Faults of a driver, as text: `mount: 1*off -> error(no space left); get: hang`. Per call a chain of terms
 * `[COUNT*]ACTION`; a counted term is used up, one without a count stays for ever; after the last the driver is well.
 * The idea of counted terms is that of failpoints in FreeBSD and containerd.
 */
import { DomainError } from '@drydock/base/errors';
import type { PluginCall } from '@drydock/volume-plugin/server';

export type FaultAction =
  /** Nothing is wrong. */
  | { readonly kind: 'off' }
  /** The call is refused with this text and has no effect. */
  | { readonly kind: 'error'; readonly text: string }
  /** Answers this mountpoint, whatever it is, without mounting anything. */
  | { readonly kind: 'mountpoint'; readonly path: string }
  /** Half a JSON object. */
  | { readonly kind: 'malformed' }
  /** Status 200 with no body. */
  | { readonly kind: 'empty' }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Waits before the call is done as usual. */
  | { readonly kind: 'delay'; readonly ms: number };

/** The text of a fault cannot be read. */
export class FaultSyntaxError extends DomainError<'BAD_FAULT'> {
  readonly code = 'BAD_FAULT';
}

const methodOf: Readonly<Record<string, PluginCall['method']>> = {
  activate: 'Plugin.Activate',
  create: 'VolumeDriver.Create',
  remove: 'VolumeDriver.Remove',
  mount: 'VolumeDriver.Mount',
  unmount: 'VolumeDriver.Unmount',
  path: 'VolumeDriver.Path',
  get: 'VolumeDriver.Get',
  list: 'VolumeDriver.List',
  capabilities: 'VolumeDriver.Capabilities',
};

interface Term {
  readonly action: FaultAction;
  usesLeft: number;
}

export class FaultPlan {
  readonly #chains: ReadonlyMap<PluginCall['method'], Term[]>;

  private constructor(chains: ReadonlyMap<PluginCall['method'], Term[]>) {
    this.#chains = chains;
  }

  /** `''` is a well driver. @throws FaultSyntaxError */
  static parse(text: string): FaultPlan {
    const chains = new Map<PluginCall['method'], Term[]>();
    const rest: Reader = new Reader(text);
    while (!rest.isAtEnd()) {
      const call = rest.take(/([a-z]+)\s*:\s*/y)?.[1] ?? '';
      const method = Object.hasOwn(methodOf, call) ? methodOf[call] : undefined;
      if (method === undefined) rest.fail(`one of ${Object.keys(methodOf).join(', ')} and a colon`);
      const chain: Term[] = [];
      do chain.push(readTerm(rest));
      while (rest.take(/->\s*/y) !== null);
      chains.set(method, chain);
      if (!rest.isAtEnd() && rest.take(/;\s*/y) === null) rest.fail('`;` or `->`');
    }
    return new FaultPlan(chains);
  }

  /** What happens to the next call of this method; uses up a counted term. */
  next(method: PluginCall['method']): FaultAction {
    const term = this.#chains.get(method)?.find(({ usesLeft }) => usesLeft > 0);
    if (term === undefined) return { kind: 'off' };
    term.usesLeft--;
    return term.action;
  }
}

function readTerm(rest: Reader): Term {
  const count = rest.take(/(\d{1,9})\*/y)?.[1];
  const match = rest.take(/([a-z]+)(?:\(([^)]*)\))?\s*/y);
  return {
    action: toAction(match?.[1] ?? '', match?.[2] ?? '', rest),
    usesLeft: count === undefined ? Number.POSITIVE_INFINITY : Number(count),
  };
}

function toAction(name: string, argument: string, rest: Reader): FaultAction {
  switch (name) {
    case 'error':
      return { kind: 'error', text: argument };
    case 'mountpoint':
      return { kind: 'mountpoint', path: argument };
    case 'delay':
      if (!/^\d{1,7}$/.test(argument)) rest.fail('delay(MILLISECONDS)');
      return { kind: 'delay', ms: Number(argument) };
    case 'off':
    case 'malformed':
    case 'empty':
    case 'hang':
      return { kind: name };
    default:
      return rest.fail('off, error(TEXT), mountpoint(PATH), malformed, empty, hang or delay(MILLISECONDS)');
  }
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
