/** Tells when a client does what no careful client of the protocol does. */
import type { PluginCall } from '@drydock/volume-plugin/server';

export const misuseKinds = [
  'call-before-activate',
  'missing-name',
  'unmount-without-mount',
  'double-unmount',
  'use-of-unknown',
  'create-with-changed-options',
  'remove-while-mounted',
] as const;

export type MisuseKind = (typeof misuseKinds)[number];

export interface Misuse {
  readonly kind: MisuseKind;
  readonly volume: string;
  /** The call in a sentence. */
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A volume as the calls of the clients alone tell it. */
interface Seen {
  readonly options: string;
  readonly mountCount: number;
  readonly wasMounted: boolean;
}

const MISUSES_MAX = 1_000;

/** Hears every call after it was answered. A call that failed changes nothing, and asking for the unknown is no misuse. */
export class MisuseWatch {
  readonly #volumes = new Map<string, Seen>();
  readonly #misuses: Misuse[] = [];
  #isActivated = false;

  /** Oldest first, the latest 1,000. */
  list(): readonly Misuse[] {
    return [...this.#misuses];
  }

  /** A volume of an earlier run of the driver. */
  knows(volume: string, isMounted: boolean): void {
    this.#volumes.set(volume, { options: '?', mountCount: isMounted ? 1 : 0, wasMounted: isMounted });
  }

  hear(call: PluginCall, outcome: { readonly isDone: boolean; readonly at: number }): void {
    const { method, request } = call;
    const { Name: name } = request;
    const complain = (kind: MisuseKind, text: string): void => {
      this.#misuses.push({ kind, volume: name, text: `${method} ${name}: ${text}`, at: outcome.at });
      if (this.#misuses.length > MISUSES_MAX) this.#misuses.shift();
    };
    if (method === 'Plugin.Activate') {
      this.#isActivated = true;
      return;
    }
    if (!this.#isActivated) complain('call-before-activate', 'the client never sent Plugin.Activate');
    if (method === 'VolumeDriver.List' || method === 'VolumeDriver.Capabilities') return;
    if (name === '') complain('missing-name', 'the request names no volume');
    else this.#hearAboutVolume(call, outcome.isDone, complain);
  }

  #hearAboutVolume(
    { method, request }: PluginCall,
    isDone: boolean,
    complain: (kind: MisuseKind, text: string) => void,
  ): void {
    const { Name: name } = request;
    const seen = this.#volumes.get(name);
    switch (method) {
      case 'VolumeDriver.Create': {
        const options = JSON.stringify(Object.entries(request.Opts).sort(([a], [b]) => (a < b ? -1 : 1)));
        const isBare = Object.keys(request.Opts).length === 0; // dvdcli 0.1 does that before every call
        if (seen !== undefined && !isBare && seen.options !== '?' && seen.options !== options) {
          complain('create-with-changed-options', `it was created with ${seen.options}, now with ${options}`);
        }
        if (isDone && seen === undefined) this.#volumes.set(name, { options, mountCount: 0, wasMounted: false });
        return;
      }
      case 'VolumeDriver.Mount':
        if (seen === undefined) complain('use-of-unknown', 'nobody created it');
        if (isDone) {
          const mountCount = (seen?.mountCount ?? 0) + 1;
          this.#volumes.set(name, { options: seen?.options ?? '?', mountCount, wasMounted: true });
        }
        return;
      case 'VolumeDriver.Unmount':
        if (seen === undefined) complain('use-of-unknown', 'nobody created it');
        else if (seen.mountCount === 0 && seen.wasMounted) complain('double-unmount', 'it is unmounted already');
        else if (seen.mountCount === 0) complain('unmount-without-mount', 'it was never mounted');
        // One Unmount ends any number of Mounts: that is what the isolator does.
        if (isDone && seen !== undefined) this.#volumes.set(name, { ...seen, mountCount: 0 });
        return;
      case 'VolumeDriver.Remove':
        if ((seen?.mountCount ?? 0) > 0) complain('remove-while-mounted', 'it is mounted');
        if (isDone) this.#volumes.delete(name);
        return;
      case 'VolumeDriver.Path':
        if (seen === undefined) complain('use-of-unknown', 'nobody created it');
        return;
      default:
        return; // Get is how clients find out; the others are not about a volume
    }
  }
}
