import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aCertification, anEntry } from '../testing/certification.ts';
import { CheckFailedError } from './outcome.ts';

describe('a run of checks', () => {
  it('judges each check by itself, whatever the ones before did', async () => {
    await using certification = await aCertification();
    const { checks, verdicts } = await certification.run({
      'X-001': async () => undefined,
      'X-002': async () => {
        throw new CheckFailedError({ expected: 'a', got: 'b' });
      },
      'X-003': async () => {
        throw new TypeError('a bug of the suite');
      },
      'X-004': async ({ createdVolume }) => void (await createdVolume()),
    });
    expect(checks.map(({ id, status, reason }) => [id, status, reason])).toEqual([
      ['X-001', 'pass', undefined],
      ['X-002', 'fail', 'expected a, got b'],
      ['X-003', 'error', 'a bug of the suite'],
      ['X-004', 'pass', undefined],
    ]);
    expect(verdicts['core']).toMatchObject({ outcome: 'refused', blockers: ['X-002', 'X-003'] });
  });

  it('removes what a check made, mounted or not, before the next one', async () => {
    await using certification = await aCertification();
    const { checks } = await certification.run({
      'X-001': async ({ createdVolume, plugin }) => {
        const volume = await createdVolume();
        await plugin.call('VolumeDriver.Mount', { Name: volume });
        await createdVolume();
      },
      'X-002': async ({ plugin, expect: demand }) => {
        const { text } = await plugin.call('VolumeDriver.List', {});
        demand(!text.includes('cert-'), 'nothing', text);
      },
    });
    expect(checks.map(({ status, leftovers }) => [status, leftovers])).toEqual([
      ['pass', []],
      ['pass', []],
    ]);
    expect(await readdir(certification.journals)).toEqual([]);
  });

  it('tells what a driver does not let go', async () => {
    await using certification = await aCertification({ faults: 'remove: error(busy)' });
    const { checks } = await certification.run({ 'X-001': async ({ createdVolume }) => void (await createdVolume()) });
    expect(checks[0]?.leftovers).toEqual([expect.stringMatching(/^volume cert-.*-1: Remove: status 200, .*busy/s)]);
    expect(await readdir(certification.journals)).toHaveLength(1);
  });

  it('removes at the next run what a run that crashed left, and nothing else', async () => {
    await using certification = await aCertification({ faults: 'remove: 1*error(busy)' });
    await certification.run({ 'X-001': async ({ createdVolume }) => void (await createdVolume()) });
    await certification.orphanJournals();
    await certification.create('mine');
    const { cleanUp } = await certification.run({ 'X-001': async () => undefined });
    expect(cleanUp).toEqual([expect.stringMatching(/^volume cert-.* of run .*: removed$/)]);
    expect(await certification.volumes()).toEqual(['mine']);
    expect(await readdir(certification.journals)).toEqual([]);
  });

  it('bounds a check that never ends', async () => {
    await using certification = await aCertification({ manifest: { budgets: { checkMs: 200 } } });
    const { checks } = await certification.run({
      'X-001': async () => await new Promise(() => undefined),
      'X-002': async () => undefined,
    });
    expect(checks.map(({ status }) => status)).toEqual(['fail', 'pass']);
    expect(checks[0]?.failure?.expected).toBe('the check to end within 0.2 s');
  });

  it('bounds a driver that hangs, and says so of the rest when nobody can start it again', async () => {
    await using certification = await aCertification({
      faults: 'any: hang',
      manifest: { budgets: { callMs: 200 } },
    });
    const { checks } = await certification.run({
      'X-001': async ({ plugin }) => void (await plugin.call('Plugin.Activate')),
      'X-002': async () => undefined,
    });
    expect(checks.map(({ status, reason }) => [status, reason])).toEqual([
      ['fail', 'expected an answer to Plugin.Activate, got none within 0.2 s'],
      ['error', expect.stringContaining('the driver does not answer since X-001')],
    ]);
    expect(checks[0]?.failure).toMatchObject({ request: expect.stringContaining('POST /Plugin.Activate') });
  });

  it.each(['malformed', 'empty', 'wrongtype', 'partial', 'drop(before)', 'err500(no)', 'notfound'])(
    'takes a driver that answers %s for one that fails, not for an error of its own',
    async (fault) => {
      await using certification = await aCertification({ faults: `mount: ${fault}` });
      const { checks } = await certification.run({
        'X-001': async ({ volume, client, expect: demand }) => {
          const mountpoint = await client.mount(await volume());
          demand(mountpoint !== '', 'a mountpoint', 'none'); // what 'empty' comes to
        },
      });
      expect(checks[0]).toMatchObject({ status: 'fail' });
    },
  );

  it('sends nothing of a volume that it did not name', async () => {
    await using certification = await aCertification();
    await certification.create('mine');
    const { checks } = await certification.run({
      'X-001': async ({ plugin }) => void (await plugin.call('VolumeDriver.Remove', { Name: 'mine' })),
      'X-002': async ({ client }) => await client.remove('mine'),
    });
    expect(checks.map(({ status }) => status)).toEqual(['error', 'error']);
    expect(await certification.volumes()).toEqual(['mine']);
  });

  it('runs a check under every client, and each draws the same alone and among others', async () => {
    await using certification = await aCertification();
    const drawn: number[] = [];
    const bodies = {
      'X-001': async () => undefined,
      'X-002': async ({ random }: { readonly random: { between(a: number, b: number): number } }) =>
        void drawn.push(random.between(1, 1e9)),
    };
    const entries = [anEntry('X-001'), { ...anEntry('X-002'), clients: 'every' as const }];
    const { checks } = await certification.run(bodies, { entries, seed: 5 });
    await certification.run(bodies, { entries, seed: 5, ids: ['X-002'] });
    expect(checks.map(({ client }) => client)).toEqual([undefined, 'dvdcli-0.1', 'dvdcli-0.2']);
    expect(new Set(drawn).size).toBe(2);
    expect(drawn.slice(2)).toEqual(drawn.slice(0, 2));
  });

  it('ends at its signal, cleaned up, with what was judged', async () => {
    await using certification = await aCertification();
    const interrupt = new AbortController();
    const { checks, run } = await certification.run(
      {
        'X-001': async ({ createdVolume }) => {
          await createdVolume();
          interrupt.abort(new Error('Ctrl-C'));
          await new Promise(() => undefined);
        },
        'X-002': async () => undefined,
      },
      { signal: interrupt.signal },
    );
    expect(checks.map(({ status, reason }) => [status, reason])).toEqual([
      ['error', 'the run was interrupted'],
      ['error', 'the run was interrupted'],
    ]);
    expect(run.isInterrupted).toBe(true);
    expect(await certification.volumes()).toEqual([]);
  });

  it('writes secrets nowhere', async () => {
    await using certification = await aCertification({
      manifest: { options: { create: { password: { env: 'SECRET' }, token: { value: 'tok-12345', secret: true } } } },
      env: { SECRET: 'hush-hush' },
    });
    const result = await certification.run({
      'X-001': async ({ createdVolume, note, secrets, client, plugin }) => {
        const volume = await createdVolume();
        note(`the password is ${secrets.join()}`);
        await client.get(volume);
        const [secret = ''] = secrets;
        using connection = plugin.connection();
        const bytes = Buffer.concat([Buffer.from(secret), Buffer.from([0xff])]);
        const head = `POST /Plugin.Activate HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`;
        await once(connection.send(Buffer.concat([Buffer.from(head), bytes])), 'data');
        throw new CheckFailedError({ expected: 'hush-hush', got: 'tok-12345' });
      },
    });
    const history = await readFile(join(certification.out, 'history.ndjson'), 'utf8');
    expect(history).toContain('[secret]');
    expect(history).not.toContain(Buffer.from('hush-hu').toString('base64').slice(0, 8));
    for (const text of [history, JSON.stringify(result)]) {
      expect(text).not.toContain('hush');
      expect(text).not.toContain('tok-12345');
    }
  });

  it('tells of a failure the request and answer that it is about, not just the last ones', async () => {
    await using certification = await aCertification();
    const { checks } = await certification.run({
      'X-001': async ({ plugin, expect: demand }) => {
        const capabilities = await plugin.call('VolumeDriver.Capabilities', {});
        await plugin.call('VolumeDriver.List', {});
        demand(false, 'the scope global', capabilities);
      },
    });
    expect(checks[0]?.failure).toEqual({
      expected: 'the scope global',
      got: expect.stringMatching(/^status 200, .*"Scope": "local"/s),
      request: 'POST /VolumeDriver.Capabilities HTTP/1.1 {}',
      answer: expect.stringMatching(/^HTTP\/1.1 200 OK .*"Scope": "local".* \(after [\d.]+ ms\)$/s),
    });
  });

  it('keeps every request and answer with its time', async () => {
    await using certification = await aCertification();
    const { checks } = await certification.run({
      'X-001': async ({ client, volume }) => void (await client.mount(await volume())),
    });
    const lines = (await readFile(join(certification.out, 'history.ndjson'), 'utf8')).trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { kind: string; method?: string });
    const { from, to } = checks[0]?.history ?? { from: 0, to: 0 };
    const methods = events.slice(from, to).flatMap(({ kind, method }) => (kind === 'exchange' ? [method] : []));
    expect(methods).toEqual([
      'Plugin.Activate',
      'VolumeDriver.Get',
      'VolumeDriver.Create',
      'VolumeDriver.Mount',
      'VolumeDriver.Unmount',
      'VolumeDriver.Remove',
    ]);
  });
});
