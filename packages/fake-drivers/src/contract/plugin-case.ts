/**
 * The contract of a Docker volume plugin, as cases that any driver can be put to over its socket. What a driver may do in
 * more than one way is one of its declared habits, and the case expects that.
 *
 * Runner-neutral: `run` resolves when the driver keeps the contract and throws a `ContractError` when it does not. Every
 * case uses volumes of its own, names them with `volumeName`, and removes them.
 */
import { DomainError } from '@drydock/base/errors';
import type { VolumeOptions } from '@drydock/volume-plugin';
import type { SocketClient } from './socket-client.ts';

/** What a driver is known to do where the protocol leaves it open. */
export interface DriverHabits {
  readonly scope: 'local' | 'global';
  readonly missingCalls: readonly string[];
  /** Status of a refusal. */
  readonly refusalStatus: 200 | 500;
  readonly createAgain: 'succeeds' | 'is refused';
  readonly mountUnknown: 'is refused' | 'gives an empty mountpoint' | 'creates it';
  readonly unmountUnknown: 'succeeds' | 'is refused';
  readonly unmountUnmounted: 'succeeds' | 'is refused';
  readonly removeUnknown: 'succeeds' | 'is refused';
  readonly removeMounted: 'succeeds' | 'is refused';
  readonly removeForgets: boolean;
  /** Whether a second Mount with the same id, or none, is taken. */
  readonly mountAgain: 'succeeds' | 'is refused';
  /** How many Unmounts follow two Mounts until it is unmounted; 0 = Unmount does nothing. */
  readonly unmountsForTwoMounts: 0 | 1 | 2;
  readonly needsMountId: boolean;
  readonly getKnowsFrom: 'create' | 'mount';
  readonly getMountpointUnmounted: 'absent' | 'present';
  readonly pathUnmounted: 'empty' | 'present' | 'refused';
  readonly pathUnknown: 'empty' | 'present' | 'refused';
}

export interface CaseContext {
  readonly client: SocketClient;
  readonly habits: DriverHabits;
  /** A name that no other case uses. */
  volumeName(): string;
  /** Options with which a Create of that volume succeeds. */
  optionsFor(name: string): VolumeOptions;
}

export interface PluginCase {
  /** Stable, never used again: `PLG-001`. */
  readonly id: string;
  /** What the driver does, as a sentence. */
  readonly title: string;
  /** Calls without which the case says nothing. */
  readonly requires: readonly string[];
  /** Page or measurement that the expectation is from. */
  readonly source: string;
  run(context: CaseContext): Promise<void>;
}

/** The driver does not keep the contract; the message says what was expected and what came. */
export class ContractError extends DomainError<'CONTRACT'> {
  readonly code = 'CONTRACT';
}

/** The calls that a case requires and the driver has not. */
export function missingFor(testCase: PluginCase, habits: DriverHabits): readonly string[] {
  return testCase.requires.filter((call) => habits.missingCalls.includes(call));
}
