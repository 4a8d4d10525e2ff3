import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IsolatorFixture, aVolume, withOptions } from './isolator-fixture.ts';

let fixture: IsolatorFixture;
beforeEach(async () => {
  fixture = await IsolatorFixture.create();
});
afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

const unmounts = (): readonly string[] => fixture.driver.calls.filter((call) => call.startsWith('unmount'));
const UPSTREAM = '{"volumes":[{"driver":"convoy","name":"v1"}]}';

describe('a restarted agent', () => {
  it('knows what its containers hold, and unmounts when the last one leaves', async () => {
    for (const id of ['c1', 'c2']) await fixture.prepare(id, fixture.config());
    await fixture.restart();
    await fixture.recover([fixture.state('c1'), fixture.state('c2')]);
    expect(fixture.driver.calls).toHaveLength(2);
    await fixture.cleanup('c1');
    expect(unmounts()).toEqual([]);
    await fixture.cleanup('c2');
    expect(unmounts()).toEqual(['unmount convoy/v1']);
    expect(await fixture.checkpoints()).toEqual([]);
  });

  it('leaves orphans to the containerizer, and unmounts for containers that only a checkpoint knows', async () => {
    await fixture.prepare('known', fixture.config([aVolume('/a', { name: 'v1' })]));
    await fixture.prepare('unknown', fixture.config([aVolume('/a', { name: 'v2' })]));
    await fixture.restart();
    await fixture.recover([], [{ value: 'known' }]);
    expect(unmounts()).toEqual(['unmount convoy/v2']);
    expect(await fixture.checkpoints()).toEqual(['known']);
    await fixture.cleanup('known');
    expect(unmounts()).toEqual(['unmount convoy/v2', 'unmount convoy/v1']);
  });

  it('counts all references before it cleans up: two unknown containers share one unmount, a running one keeps its volume', async () => {
    for (const id of ['gone-1', 'gone-2']) await fixture.prepare(id, fixture.config([aVolume('/a', { name: 'v2' })]));
    for (const id of ['gone-3', 'runs']) await fixture.prepare(id, fixture.config());
    await fixture.restart();
    await fixture.recover([fixture.state('runs')]);
    expect(unmounts()).toEqual(['unmount convoy/v2']);
    expect(await fixture.checkpoints()).toEqual(['runs']);
  });

  it('does not have a driver unmount what the mount table says is gone', async () => {
    fixture.mountPoints.add(join(fixture.root, 'mountpoint'));
    await fixture.prepare('c1', fixture.config());
    await fixture.restart();
    // The agent was killed after the unmount and before it had forgotten the container.
    fixture.mountPoints.clear();
    await fixture.recover();
    expect(unmounts()).toEqual([]);
    expect(await fixture.checkpoints()).toEqual([]);
  });

  it('tells the driver after a restart of the machine, when nothing is mounted any more', async () => {
    fixture.mountPoints.add(join(fixture.root, 'mountpoint'));
    await fixture.prepare('c1', fixture.config());
    fixture.mountPoints.clear();
    await fixture.restart({ bootId: 'boot-2' });
    await fixture.recover();
    expect(unmounts()).toEqual(['unmount convoy/v1']);
    expect(await fixture.checkpoints()).toEqual([]);
  });

  it('cleans up after children before their parents', async () => {
    const child = { value: 'child', parent: { value: 'parent' } };
    await fixture.prepare('parent', fixture.config());
    await fixture.prepare(child, fixture.config([aVolume('/a', { name: 'v2' })]));
    await fixture.restart();
    await fixture.recover();
    expect(unmounts()).toEqual(['unmount convoy/v2', 'unmount convoy/v1']);
    expect(await fixture.checkpoints()).toEqual([]);
  });

  it('leaves a checkpoint to the container that wrote it, whatever else has the last part of its id', async () => {
    const child = { value: 'child', parent: { value: 'parent' } };
    await fixture.prepare(child, fixture.config());
    await fixture.restart();
    await fixture.recover([fixture.state({ value: 'child', parent: { value: 'other' } }, [])], [child]);
    await fixture.cleanup(child);
    expect(unmounts()).toEqual(['unmount convoy/v1']);
    expect(await fixture.checkpoints()).toEqual([]);
  });

  it('keeps a volume for a nested container whose parent holds it, too, until both are gone', async () => {
    const child = { value: 'child', parent: { value: 'parent' } };
    await fixture.prepare('parent', fixture.config());
    await fixture.prepare(child, fixture.config());
    await fixture.restart();
    await fixture.recover([fixture.state('parent'), fixture.state(child)]);
    await fixture.cleanup(child);
    expect(unmounts()).toEqual([]);
    await fixture.cleanup('parent');
    expect(unmounts()).toEqual(['unmount convoy/v1']);
  });

  it('goes on with the options that its volumes were mounted with', async () => {
    await fixture.prepare('c1', fixture.config([aVolume('/a', withOptions('size=1G'))]));
    await fixture.restart();
    await fixture.recover([fixture.state('c1')]);
    await expect(fixture.prepare('c2', fixture.config([aVolume('/a', withOptions('size=2G'))]))).rejects.toThrow(
      "Docker volume 'v1' of driver 'convoy' is in use without the option 'size=2G'",
    );
  });
});

describe('a checkpoint', () => {
  it.each(['ours-1', 'upstream-1.0', 'upstream-head'])('is read as %s has it', async (name) => {
    const text = await readFile(new URL(`../../../../fixtures/checkpoints/${name}.json`, import.meta.url), 'utf8');
    await fixture.writeCheckpoint('c1', text);
    await fixture.recover([fixture.state('c1', [])]);
    await fixture.cleanup('c1');
    expect(unmounts().toSorted()).toEqual(['unmount convoy/myvolume', 'unmount rexray/data']);
  });

  it('is written so that upstream can read it', async () => {
    await fixture.prepare('c1', fixture.config([aVolume('/a', withOptions('size=1G'))]));
    // The fields of the state.proto are there, with nothing in them that it does not allow.
    expect(await fixture.readCheckpoint('c1')).toMatchObject({ volumes: [{ driver: 'convoy', name: 'v1' }] });
    expect(await fixture.readCheckpoint('c1')).toEqual({
      volumes: [
        {
          driver: 'convoy',
          name: 'v1',
          options: [{ key: 'size', value: '1G' }],
          phase: 'mounted',
          mountpoint: join(fixture.root, 'mountpoint'),
          is_mount_point: false,
        },
      ],
      container_id: { value: 'c1' },
      boot_id: 'boot-1',
    });
  });

  it.each([
    ['is missing', undefined],
    ['is empty', ''],
  ])('that %s is made again for a container that runs, and removed for one that does not', async (_, text) => {
    for (const id of ['runs', 'gone']) {
      if (text === undefined) await mkdir(join(fixture.checkpointDir, id));
      else await fixture.writeCheckpoint(id, text);
    }
    await fixture.recover([fixture.state('runs')]);
    expect(await fixture.checkpoints()).toEqual(['runs']);
    expect(await fixture.readCheckpoint('runs')).toMatchObject({ volumes: [{ driver: 'convoy', name: 'v1' }] });
    await fixture.cleanup('runs');
    expect(unmounts()).toEqual(['unmount convoy/v1']);
  });

  it.each([
    ['truncated', '{"volumes":[{"driver":"con'],
    ['no object', '[]'],
    ['without a driver', '{"volumes":[{"name":"v1"}]}'],
    ['with a driver that is a path', '{"volumes":[{"driver":"../x","name":"v1"}]}'],
    ['binary', '\u0000\u0001\u0002'],
  ])('that is %s is put away and ends no agent', async (_, text) => {
    await fixture.writeCheckpoint('corrupt', text);
    await fixture.writeCheckpoint('good', UPSTREAM);
    await fixture.recover();
    expect(await fixture.checkpoints()).toEqual([]);
    expect(unmounts()).toEqual(['unmount convoy/v1']);
    const [kept = ''] = await readdir(`${fixture.checkpointDir}.quarantine`);
    expect(await readFile(join(`${fixture.checkpointDir}.quarantine`, kept, 'volumes'), 'utf8')).toBe(text);
  });

  it('that is corrupt does not cost a running container its volume', async () => {
    await fixture.writeCheckpoint('c1', 'corrupt');
    await fixture.recover([fixture.state('c1')]);
    await fixture.prepare('c2', fixture.config());
    await fixture.cleanup('c2');
    expect(unmounts()).toEqual([]);
    expect(await fixture.readCheckpoint('c1')).toMatchObject({ volumes: [{ driver: 'convoy', name: 'v1' }] });
  });

  it('may name a volume twice, have fields that nobody knows, and lie among foreign files', async () => {
    const twice = {
      volumes: [
        { driver: 'convoy', name: 'v1', later: true },
        { driver: 'convoy', name: 'v1' },
      ],
      x: 1,
    };
    await fixture.writeCheckpoint('c1', JSON.stringify(twice));
    await writeFile(join(fixture.checkpointDir, 'README'), 'not ours');
    await fixture.recover([fixture.state('c1')]);
    await fixture.cleanup('c1');
    expect(unmounts()).toEqual(['unmount convoy/v1']);
    expect(await fixture.checkpoints()).toEqual(['README']);
  });
});
