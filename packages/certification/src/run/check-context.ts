/** What a check works with. README.md has an example. */
import { assert } from '@drydock/base/errors';
import type { SeededRandom } from '@drydock/base/seeded-random';
import type { VolumeOptions } from '@drydock/volume-plugin';
import type { CatalogueEntry } from '../catalogue/catalogue-entry.ts';
import type { AgentSide } from '../driver/agent-side.ts';
import type { CheckClient } from '../driver/check-client.ts';
import type { DriverLocation } from '../driver/driver-location.ts';
import type { DriverProcess } from '../driver/driver-process.ts';
import type { RealAgent } from '../driver/real-agent.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { BareAnswer, type BarePlugin } from '../wire/bare-plugin.ts';
import type { HistoryEvent } from './history.ts';
import { CheckFailedError } from './outcome.ts';

/** Finds out whether a driver passes: returns when it does, throws CheckFailedError when not. */
export type CheckBody = (context: CheckContext) => Promise<void>;

/** The bodies of a group's checks by their ids. */
export type CheckBodies = Readonly<Record<string, CheckBody>>;

export interface CheckContextParts {
  readonly entry: CatalogueEntry;
  readonly manifest: Manifest;
  readonly location: DriverLocation;
  readonly client: CheckClient;
  readonly plugin: BarePlugin;
  readonly agentSide: AgentSide;
  readonly driver: DriverProcess;
  readonly random: SeededRandom;
  readonly signal: AbortSignal;
  readonly realAgent: () => Promise<RealAgent>;
  /** Default: a name that nobody has. */
  readonly newVolume: (name?: string) => Promise<string>;
  readonly optionsFor: (volume: string) => VolumeOptions;
  readonly secrets: readonly string[];
  readonly events: () => readonly HistoryEvent[];
  readonly onNote: (text: string) => void;
  readonly onMeasure: (name: string, value: number) => void;
}

export class CheckContext {
  readonly entry: CatalogueEntry;
  readonly manifest: Manifest;
  /** Where the driver was found. */
  readonly location: DriverLocation;
  /** Commands of the client under which the check runs; of `once` checks, dvdcli 0.2's. */
  readonly client: CheckClient;
  /** The bare protocol. */
  readonly plugin: BarePlugin;
  /** Files, mounts and programs where the Mesos agent would be. */
  readonly agentSide: AgentSide;
  /** The driver's process. */
  readonly driver: DriverProcess;
  /** Draws what the run's seed repeats. */
  readonly random: SeededRandom;
  /** Aborts when the check has had its time, or the run ends. */
  readonly signal: AbortSignal;
  /** Secrets of the options, which a driver must tell nobody. */
  readonly secrets: readonly string[];
  readonly #parts: CheckContextParts;

  constructor(parts: CheckContextParts) {
    this.#parts = parts;
    this.entry = parts.entry;
    this.manifest = parts.manifest;
    this.location = parts.location;
    this.client = parts.client;
    this.plugin = parts.plugin;
    this.agentSide = parts.agentSide;
    this.driver = parts.driver;
    this.random = parts.random;
    this.signal = parts.signal;
    this.secrets = parts.secrets;
  }

  /** A new name, which is cleaned up after the check whatever was made of it. Only such names can be sent. */
  readonly volume = async (): Promise<string> => await this.#parts.newVolume();

  /** A Mesos master and agent with the real isolator and dvdcli, where the driver lives; shared by the checks of a run. */
  readonly realAgent = async (): Promise<RealAgent> => await this.#parts.realAgent();
  /** A volume's name in capital letters, as a name of its own. */
  readonly volumeInCapitals = async (volume: string): Promise<string> =>
    await this.#parts.newVolume(volume.toUpperCase());

  /** The manifest's options of Create for a volume. */
  readonly optionsFor = (volume: string): VolumeOptions => this.#parts.optionsFor(volume);

  /** A volume that was made with the options of the manifest, over the bare protocol. */
  readonly createdVolume = async (): Promise<string> => {
    const volume = await this.volume();
    (await this.plugin.call('VolumeDriver.Create', { Name: volume, Opts: this.optionsFor(volume) })).mustSucceed();
    return volume;
  };

  /** What the client of this check was asked and answered so far, oldest first. */
  readonly events = (): readonly HistoryEvent[] => this.#parts.events();

  /**
   * @param got what there was instead; of an answer, what it said
   * @param about the answer that is wrong, for the report; default: `got`, else the last one
   * @throws CheckFailedError unless `isMet`
   */
  readonly expect = (isMet: boolean, expected: string, got: unknown, about?: BareAnswer): void => {
    if (isMet) return;
    const answer = about ?? (got instanceof BareAnswer ? got : undefined);
    const text = got instanceof BareAnswer ? got.summary : typeof got === 'string' ? got : JSON.stringify(got);
    throw new CheckFailedError({ expected, got: text ?? 'nothing', ...(answer === undefined ? {} : { answer }) });
  };

  /** Tells the reader of the report something that does not decide. */
  readonly note = (text: string): void => {
    assert(text !== '', 'a note says something');
    this.#parts.onNote(text);
  };

  /** A number for the report; the name ends in its unit, `mountMs`. */
  readonly measure = (name: string, value: number): void => this.#parts.onMeasure(name, value);
}
