import { scalarOf, type Resource } from '@drydock/mesos';

/** Amounts of what shares are reckoned in. */
export interface Amounts {
  readonly cpus: number;
  readonly mem: number;
}

const DECIMALS = 1_000;

/** What a framework holds by role, kept up to date with each change, so that no allocation sums it up again. */
export class Shares {
  /** In thousandths, which add up exactly. */
  readonly #held = new Map<string, Amounts>();

  add(role: string, resources: readonly Resource[]): void {
    this.#change(role, resources, 1);
  }

  subtract(role: string, resources: readonly Resource[]): void {
    this.#change(role, resources, -1);
  }

  /** The roles that hold anything. */
  get roles(): Iterable<string> {
    return this.#held.keys();
  }

  /** The larger part of `total` that the role holds. */
  dominantOf(role: string, total: Amounts): number {
    const { cpus, mem } = this.#held.get(role) ?? { cpus: 0, mem: 0 };
    return dominantShare({ cpus: cpus / DECIMALS, mem: mem / DECIMALS }, total);
  }

  #change(role: string, resources: readonly Resource[], sign: 1 | -1): void {
    const before = this.#held.get(role) ?? { cpus: 0, mem: 0 };
    const cpus = before.cpus + sign * Math.round(scalarOf(resources, 'cpus') * DECIMALS);
    const mem = before.mem + sign * Math.round(scalarOf(resources, 'mem') * DECIMALS);
    if (cpus === 0 && mem === 0) this.#held.delete(role);
    else this.#held.set(role, { cpus, mem });
  }
}

export function dominantShare(part: Amounts, total: Amounts): number {
  return Math.max(total.cpus === 0 ? 0 : part.cpus / total.cpus, total.mem === 0 ? 0 : part.mem / total.mem);
}
