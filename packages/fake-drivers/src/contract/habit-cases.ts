import {
  aVolume,
  discard,
  expectOutcome,
  expectRefusal,
  expectSuccess,
  expectThat,
  mountpointOf,
  use,
  volumeOf,
} from './expectations.ts';
import type { CaseContext, PluginCase } from './plugin-case.ts';

const QUIRKS = 'certification reference, quirks of real drivers';

/** What drivers do in more than one way. */
export const habitCases: readonly PluginCase[] = [
  {
    id: 'PLG-040',
    title: 'takes Create of a volume that exists, or refuses it, as declared',
    requires: [],
    source: `${QUIRKS}; dvdcli 0.1 sends it before every call`,
    async run(context) {
      const name = await aVolume(context);
      const again = { Name: name, Opts: context.optionsFor(name) };
      expectOutcome(
        'a second Create',
        await context.client.post('VolumeDriver.Create', again),
        context.habits.createAgain,
        context,
      );
      await discard(name, context);
    },
  },
  {
    id: 'PLG-041',
    title: 'answers Mount of an unknown volume as declared',
    requires: [],
    source: QUIRKS,
    async run(context) {
      const answer = await context.client.post('VolumeDriver.Mount', use(context.volumeName(), context));
      if (context.habits.mountUnknown === 'is refused') expectRefusal('Mount of the unknown', answer, context);
      else {
        const mountpoint = mountpointOf(expectSuccess('Mount of the unknown', answer));
        const isEmpty = context.habits.mountUnknown === 'gives an empty mountpoint';
        expectThat((mountpoint === '') === isEmpty, isEmpty ? 'no mountpoint' : 'a mountpoint', mountpoint);
      }
    },
  },
  {
    id: 'PLG-042',
    title: 'answers Unmount of an unknown volume as declared',
    requires: [],
    source: QUIRKS,
    async run(context) {
      const answer = await context.client.post('VolumeDriver.Unmount', use(context.volumeName(), context));
      expectOutcome('Unmount of the unknown', answer, context.habits.unmountUnknown, context);
    },
  },
  {
    id: 'PLG-043',
    title: 'answers Unmount of a volume that was unmounted as declared',
    requires: [],
    source: QUIRKS,
    async run(context) {
      const { client, habits } = context;
      const name = await aVolume(context);
      expectSuccess('Mount', await client.post('VolumeDriver.Mount', use(name, context)));
      expectSuccess('Unmount', await client.post('VolumeDriver.Unmount', use(name, context)));
      const again = await client.post('VolumeDriver.Unmount', use(name, context));
      expectOutcome('a second Unmount', again, habits.unmountUnmounted, context);
      await client.post('VolumeDriver.Remove', { Name: name });
    },
  },
  {
    id: 'PLG-044',
    title: 'answers Remove of an unknown volume as declared',
    requires: [],
    source: QUIRKS,
    async run(context) {
      const answer = await context.client.post('VolumeDriver.Remove', { Name: context.volumeName() });
      expectOutcome('Remove of the unknown', answer, context.habits.removeUnknown, context);
    },
  },
  {
    id: 'PLG-045',
    title: 'answers Remove of a mounted volume as declared',
    requires: [],
    source: QUIRKS,
    async run(context) {
      const name = await aVolume(context);
      expectSuccess('Mount', await context.client.post('VolumeDriver.Mount', use(name, context)));
      const removed = await context.client.post('VolumeDriver.Remove', { Name: name });
      expectOutcome('Remove of a mounted volume', removed, context.habits.removeMounted, context);
      await discard(name, context);
    },
  },
  {
    id: 'PLG-046',
    title: 'counts two Mounts as declared: Mesos sends many Mounts and one Unmount',
    requires: ['VolumeDriver.Get'],
    source: `${QUIRKS}; Mesos isolator.cpp`,
    run: runTwoMounts,
  },
  {
    id: 'PLG-047',
    title: 'tells a volume before its first Mount as declared',
    requires: ['VolumeDriver.Get'],
    source: QUIRKS,
    async run(context) {
      const { client, habits } = context;
      const name = await aVolume(context);
      const answer = await client.post('VolumeDriver.Get', { Name: name });
      if (habits.getKnowsFrom === 'mount') expectRefusal('Get before Mount', answer, context);
      else {
        const hasMountpoint = (volumeOf(expectSuccess('Get', answer))['Mountpoint'] ?? '') !== '';
        expectThat(
          hasMountpoint === (habits.getMountpointUnmounted === 'present'),
          `a mountpoint that is ${habits.getMountpointUnmounted}`,
          answer.text,
        );
      }
      await discard(name, context);
    },
  },
  {
    id: 'PLG-048',
    title: 'answers Path before Mount, and of an unknown volume, as declared',
    requires: [],
    source: QUIRKS,
    async run(context) {
      const { habits } = context;
      const name = await aVolume(context);
      // flocker gives a new dataset to whoever created it.
      if (habits.unmountsForTwoMounts !== 0) await expectPath(name, habits.pathUnmounted, context);
      await expectPath(context.volumeName(), habits.pathUnknown, context);
      await discard(name, context);
    },
  },
  {
    id: 'PLG-049',
    title: 'refuses Get of an unknown volume',
    requires: ['VolumeDriver.Get'],
    source: 'dvdcli#23',
    async run(context) {
      const answer = await context.client.post('VolumeDriver.Get', { Name: context.volumeName() });
      expectRefusal('Get of the unknown', answer, context);
    },
  },
  {
    id: 'PLG-050',
    title: 'answers Mount without an id as declared',
    requires: [],
    source: 'docker-volume-loopback, run: dvdcli sends no id',
    async run(context) {
      const name = await aVolume(context);
      const answer = await context.client.post('VolumeDriver.Mount', { Name: name });
      const mountpoint = mountpointOf(expectSuccess('Mount', answer));
      expectThat(
        (mountpoint === '') === context.habits.needsMountId,
        'a mountpoint only from a driver that needs no id',
        JSON.stringify(mountpoint),
      );
      await context.client.post('VolumeDriver.Unmount', { Name: name });
      await discard(name, context);
    },
  },
];

async function runTwoMounts(context: CaseContext): Promise<void> {
  const { client, habits } = context;
  const name = await aVolume(context);
  expectSuccess('Mount', await client.post('VolumeDriver.Mount', use(name, context)));
  const again = await client.post('VolumeDriver.Mount', use(name, context));
  expectOutcome('a second Mount', again, habits.mountAgain, context);
  if (habits.mountAgain === 'succeeds' && habits.getMountpointUnmounted === 'absent') {
    const isMounted = async (): Promise<boolean> => {
      const volume = volumeOf(expectSuccess('Get', await client.post('VolumeDriver.Get', { Name: name })));
      return (volume['Mountpoint'] ?? '') !== '';
    };
    for (let count = 1; count <= Math.max(1, habits.unmountsForTwoMounts); count++) {
      expectThat(await isMounted(), `it to be mounted before Unmount ${count}`, 'that it is not');
      expectSuccess('Unmount', await client.post('VolumeDriver.Unmount', use(name, context)));
    }
    const isStill = await isMounted();
    expectThat(
      isStill === (habits.unmountsForTwoMounts === 0),
      `${habits.unmountsForTwoMounts} Unmounts to end two Mounts`,
      String(isStill),
    );
  }
  await discard(name, context);
  await discard(name, context);
}

async function expectPath(
  name: string,
  expected: 'empty' | 'present' | 'refused',
  context: CaseContext,
): Promise<void> {
  const answer = await context.client.post('VolumeDriver.Path', { Name: name });
  if (expected === 'refused') expectRefusal('Path', answer, context);
  else {
    const path = mountpointOf(expectSuccess('Path', answer));
    expectThat((path === '') === (expected === 'empty'), `Path to be ${expected}`, JSON.stringify(path));
  }
}
