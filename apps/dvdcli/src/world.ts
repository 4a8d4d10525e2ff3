import type { ClockPort } from '@drydock/base/ports';

/** What a run of dvdcli touches. */
export interface DvdcliWorld {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** `DVDCLI_COMPAT`, `DVDCLI_PLUGIN_DIRECTORIES`. Default: neither is set. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Of the waits between attempts; default: the system's. */
  readonly clock?: ClockPort;
}
