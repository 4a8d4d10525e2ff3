import { optionsFor } from '../manifest/secrets.ts';
import type { CheckContext } from '../run/check-context.ts';
import { HarnessError } from '../run/outcome.ts';
import { faultOf } from './volume-state.ts';

/**
 * Lets a Mount fail: with the manifest's `options.failing`, else by a name that was never created. Gives the volume, of
 * which the driver may have a record now.
 * @throws CheckFailedError when a Mount of an unknown name gives neither a path nor an error; HarnessError when the
 *   Mount succeeds
 */
export async function failingMount(context: CheckContext): Promise<string> {
  const { client, manifest, plugin, expect } = context;
  const volume = await context.volume();
  const { failing } = manifest.options;
  if (failing === undefined) {
    const answer = await plugin.call('VolumeDriver.Mount', { Name: volume });
    if (!answer.isSuccess) return volume;
    const isMounted = typeof answer.json?.['Mountpoint'] === 'string' && answer.json['Mountpoint'] !== '';
    expect(isMounted, 'Mount of an unknown volume to be refused, or to make it', answer.summary);
    throw new HarnessError(
      'The driver makes volumes at Mount, so none fails',
      'declare options.failing in the manifest',
    );
  }
  if ((await faultOf(client.mount(volume, { options: optionsFor(failing, volume) }))) === undefined) {
    throw new HarnessError('A Mount with options.failing of the manifest succeeds', 'correct the manifest');
  }
  return volume;
}
