import type { ClientName } from '../client-name.ts';
import type { CallSequence } from './call-sequence.ts';
import { dvdcli01 } from './dvdcli-0-1.ts';
import { dvdcli02 } from './dvdcli-0-2.ts';
import { engine } from './engine.ts';

/** By the client whose calls they are; to be made through a `VolumeDriverClient` of the same client. */
export const callSequences: Readonly<Record<ClientName, CallSequence>> = {
  'dvdcli-0.1': dvdcli01,
  'dvdcli-0.2': dvdcli02,
  engine,
};
