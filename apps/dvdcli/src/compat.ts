/** Which dvdcli this one behaves as. */
import type { ClientName } from '@drydock/volume-plugin';

export const compats = ['0.1', '0.2'] as const;

/** `0.1`: dvdcli 0.1.0, which the document names. `0.2`: dvdcli 0.2.x, the default. */
export type Compat = (typeof compats)[number];

export const DEFAULT_COMPAT: Compat = '0.2';

export function toClientName(compat: Compat): ClientName {
  return `dvdcli-${compat}`;
}
