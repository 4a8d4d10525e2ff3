import { assertNever } from '@drydock/base/errors';
import { toLogrusLine } from '@drydock/base/logrus-text';
import type { PluginClientEvent } from '@drydock/volume-plugin';
import type { Compat } from './compat.ts';

/** What dvdcli logs while it works; `''` for what it keeps to itself. */
export function toEventLine(event: PluginClientEvent, compat: Compat): string {
  switch (event.kind) {
    case 'locate-retry':
      return toLogrusLine(
        'warning',
        `Unable to locate plugin: ${event.driver}, retrying in ${toGoText(event.delayMs)}`,
      );
    case 'connect-retry': {
      const what = compat === '0.1' ? event.target : `${event.target}:/${event.method}`;
      return toLogrusLine('warning', `Unable to connect to plugin: ${what}, retrying in ${toGoText(event.delayMs)}`);
    }
    case 'bad-reply':
      if (compat === '0.1') return '';
      return toLogrusLine('error', `${event.method}: error reading plugin resp: ${event.reason}`);
    default:
      return assertNever(event);
  }
}

/** Waits are whole seconds. */
function toGoText(delayMs: number): string {
  return `${delayMs / 1_000}s`;
}
