/** The containers that a simulation has launched, in the order in which it did. */
import { containerKey, type ContainerID, type Volume } from '@drydock/mesos';
import type { ContainerConfig } from '../isolator.ts';

export interface SimulatedContainer {
  readonly id: ContainerID;
  readonly volumes: readonly { readonly driver: string; readonly name: string }[];
  readonly config: ContainerConfig;
  readonly kill: AbortController;
  state: 'preparing' | 'running' | 'ending' | 'gone';
}

export class SimulatedContainers {
  readonly #containers = new Map<string, SimulatedContainer>();

  get size(): number {
    return this.#containers.size;
  }

  add(container: SimulatedContainer): void {
    this.#containers.set(containerKey(container.id), container);
  }

  all(): readonly SimulatedContainer[] {
    return [...this.#containers.values()];
  }

  in(state: SimulatedContainer['state']): readonly SimulatedContainer[] {
    return this.all().filter((one) => one.state === state);
  }

  /** One of those in a state, which `value` decides. */
  pick(
    state: SimulatedContainer['state'],
    value: number,
    isWanted: (container: SimulatedContainer) => boolean = () => true,
  ): SimulatedContainer | undefined {
    const candidates = this.in(state).filter(isWanted);
    return candidates[value % Math.max(1, candidates.length)];
  }

  /** In a state, or in any but gone. */
  hasChildren({ id }: SimulatedContainer, state?: SimulatedContainer['state']): boolean {
    return this.all().some(
      (one) =>
        (state === undefined ? one.state !== 'gone' : one.state === state) &&
        one.id.parent !== undefined &&
        containerKey(one.id.parent) === containerKey(id),
    );
  }
}

export function nameOf({ id }: SimulatedContainer): string {
  return containerKey(id);
}

export function depthOf({ id }: SimulatedContainer): number {
  return containerKey(id).split('/').length;
}

export function configOf(
  volumes: readonly { readonly driver: string; readonly name: string }[],
  value: number,
): ContainerConfig {
  const driver_options = { parameter: [{ key: 'size', value: String(value % 2) }] };
  return {
    command: { value: 'true' },
    container: {
      type: 'MESOS',
      volumes: volumes.map(({ driver, name }, index): Volume => ({
        container_path: `/data/${index}`,
        mode: value % 7 === 0 ? 'RO' : 'RW',
        source: {
          type: 'DOCKER_VOLUME',
          docker_volume: { driver, name, ...(value % 11 === 0 ? { driver_options } : {}) },
        },
      })),
    },
    resources: [],
    sandboxDirectory: '/sandbox',
    user: 'root',
    image: { entrypoint: [], cmd: [], env: [] },
  };
}
