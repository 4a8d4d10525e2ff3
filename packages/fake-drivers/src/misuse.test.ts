import type { PluginCall } from '@drydock/volume-plugin/server';
import { describe, expect, it } from 'vitest';
import { MisuseWatch, type MisuseKind } from './misuse.ts';

type Step = readonly [string, string?, Record<string, string>?];

/** Hears the calls, each of which succeeds, after an Activate. */
function kindsAfter(steps: readonly Step[]): readonly MisuseKind[] {
  const watch = new MisuseWatch();
  for (const [call, name = 'v1', options = {}] of [['Activate'], ...steps] as readonly Step[]) {
    const method = call === 'Activate' ? 'Plugin.Activate' : (`VolumeDriver.${call}` as PluginCall['method']); // as the rows spell them
    watch.hear({ method, request: { Name: name, Opts: options } }, { isDone: true, at: 0 });
  }
  return watch.list().map(({ kind }) => kind);
}

describe('MisuseWatch', () => {
  it.each<[string, readonly Step[]]>([
    ['one life of a volume', [['Create'], ['Mount'], ['Path'], ['Unmount'], ['Remove']]],
    ['many Mounts and one Unmount, as the isolator sends them', [['Create'], ['Mount'], ['Mount'], ['Unmount']]],
    ['the bare Create of dvdcli 0.1 before every call', [['Create', 'v1', { size: '1G' }], ['Create'], ['Mount']]],
    ['Get of an unknown volume', [['Get', 'vx']]],
    [
      'List and Capabilities without a name',
      [
        ['List', ''],
        ['Capabilities', ''],
      ],
    ],
  ])('has nothing to say about %s', (_title, steps) => {
    expect(kindsAfter(steps)).toEqual([]);
  });

  it.each<[MisuseKind, readonly Step[]]>([
    ['missing-name', [['Mount', '']]],
    ['unmount-without-mount', [['Create'], ['Unmount']]],
    ['double-unmount', [['Create'], ['Mount'], ['Unmount'], ['Unmount']]],
    ['use-of-unknown', [['Path', 'vx']]],
    ['use-of-unknown', [['Mount', 'vx']]],
    ['use-of-unknown', [['Unmount', 'vx']]],
    [
      'create-with-changed-options',
      [
        ['Create', 'v1', { size: '1G' }],
        ['Create', 'v1', { size: '2G' }],
      ],
    ],
    ['remove-while-mounted', [['Create'], ['Mount'], ['Remove']]],
  ])('tells %s', (kind, steps) => {
    expect(kindsAfter(steps)).toEqual([kind]);
  });

  it('tells a client that never activates', () => {
    const watch = new MisuseWatch();
    watch.hear({ method: 'VolumeDriver.List', request: { Name: '', Opts: {} } }, { isDone: true, at: 0 });
    expect(watch.list()).toMatchObject([{ kind: 'call-before-activate' }]);
  });

  it('believes only calls that succeeded', () => {
    const watch = new MisuseWatch();
    const hear = (method: PluginCall['method'], isDone: boolean): void =>
      watch.hear({ method, request: { Name: 'v1', Opts: {} } }, { isDone, at: 0 });
    hear('Plugin.Activate', true);
    hear('VolumeDriver.Create', true);
    hear('VolumeDriver.Mount', false);
    hear('VolumeDriver.Remove', true);
    expect(watch.list()).toEqual([]);
  });

  it('knows what an earlier run of the driver left mounted', () => {
    const watch = new MisuseWatch();
    watch.knows('v1', true);
    watch.hear({ method: 'Plugin.Activate', request: { Name: '', Opts: {} } }, { isDone: true, at: 0 });
    watch.hear({ method: 'VolumeDriver.Unmount', request: { Name: 'v1', Opts: {} } }, { isDone: true, at: 0 });
    expect(watch.list()).toEqual([]);
  });
});
