/** The protocol. @see https://docs.docker.com/engine/extend/plugins_volume/ */
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import { isObject, type BareAnswer } from '../wire/bare-plugin.ts';
import { bodyProblem, createdAtProblem, typeProblem } from './answer-shape.ts';

const CALL_COUNT = 200;
const UNKNOWN_CALL_MS_MAX = 1_000;

export const proChecks: CheckBodies = {
  async 'PRO-001'(context) {
    const needed = ['Create', 'Path', 'Mount', 'Unmount', 'Remove'].map((call) => `VolumeDriver.${call}`);
    for (const answer of await wholeLife(context)) {
      if (!needed.includes(answer.method)) continue;
      context.expect(answer.status !== 404, `${answer.method} to exist`, answer);
    }
  },

  async 'PRO-002'({ client, plugin, volume, createdVolume, expect }) {
    const unknown = await plugin.call('VolumeDriver.Get', { Name: await volume() });
    expect(unknown.status !== 404 || unknown.json !== undefined, 'Get to exist', unknown);
    const told = unknown.json?.['Volume'];
    const isRefused = !unknown.isSuccess && (told === undefined || told === null);
    expect(isRefused, 'Get of an unknown volume to be refused, without a Volume', unknown);
    expect(refusalText(unknown) !== '', 'Get of an unknown volume to say why', unknown);
    await client.get(await createdVolume());
  },

  async 'PRO-003'({ plugin, createdVolume, manifest, expect }) {
    const name = await createdVolume();
    const namesIn = async (): Promise<readonly unknown[]> => {
      const volumes = (await plugin.call('VolumeDriver.List', {})).mustSucceed().json?.['Volumes'];
      return Array.isArray(volumes) ? volumes.map((one: unknown) => (isObject(one) ? one['Name'] : one)) : [];
    };
    const before = await namesIn();
    expect(before.includes(name), `List to have ${name}`, before);
    (await plugin.call('VolumeDriver.Remove', { Name: name })).mustSucceed();
    if (manifest.removePolicy === 'noop') return; // it says that the volume stays
    const after = await namesIn();
    expect(!after.includes(name), `List without ${name} after Remove`, after);
  },

  async 'PRO-004'({ plugin, manifest, expect }) {
    const answer = await plugin.call('VolumeDriver.Capabilities', {});
    if (answer.status === 404) {
      expect(manifest.scope === 'local', `Capabilities to tell the scope ${manifest.scope}`, answer);
      return;
    }
    const capabilities = answer.mustSucceed().json?.['Capabilities'];
    const scope = isObject(capabilities) ? capabilities['Scope'] : undefined;
    // Clients take it in any case, and everything but global for local; a vendor should not count on that.
    expect(scope === manifest.scope, `the scope of the manifest, ${manifest.scope}`, answer);
  },

  async 'PRO-005'(context) {
    for (const answer of await wholeLife(context)) {
      const { method, status } = answer;
      if (status < 200 || status > 299) continue; // refused: not this check's
      context.expect(status === 200, `status 200 for the success of ${method}`, answer);
      const problem = bodyProblem(answer.text);
      context.expect(problem === undefined, `one JSON object from ${method}`, problem, answer);
    }
  },

  async 'PRO-006'(context) {
    for (const answer of await wholeLife(context)) {
      const problem = answer.json === undefined ? undefined : typeProblem(answer.json);
      context.expect(problem === undefined, `values of the protocol's types from ${answer.method}`, problem, answer);
    }
  },

  async 'PRO-007'(context) {
    for (const answer of await wholeLife(context)) {
      const problem = answer.json === undefined ? undefined : createdAtProblem(answer.json);
      context.expect(problem === undefined, `CreatedAt of ${answer.method} to be absent or RFC 3339`, problem, answer);
    }
  },

  async 'PRO-008'(context) {
    for (const answer of await wholeLife(context)) {
      if (!answer.isSuccess) continue;
      const type = answer.header('content-type') ?? 'none';
      const isRight = /^application\/vnd\.docker\.plugins\.v1(\.\d+)?\+json(;.*)?$/i.test(type);
      context.expect(
        isRight,
        'Content-Type application/vnd.docker.plugins.v1.1+json',
        `${type} from ${answer.method}`,
        answer,
      );
    }
  },

  async 'PRO-009'({ plugin, createdVolume, expect, note }) {
    const name = await createdVolume();
    const answer = await plugin.call('VolumeDriver.Get', { Name: name });
    if (answer.status === 404 && answer.json === undefined) return note('The driver has no Get: see PRO-002');
    const volume = answer.mustSucceed().json?.['Volume'];
    const told = isObject(volume) ? volume['Name'] : undefined;
    expect(told === name, `Volume.Name ${JSON.stringify(name)}`, answer);
  },

  async 'PRO-010'({ plugin, volume, expect, note }) {
    let refusalCount = 0;
    for (const method of ['VolumeDriver.Mount', 'VolumeDriver.Path', 'VolumeDriver.Unmount'] as const) {
      const answer = await plugin.call(method, { Name: await volume() });
      if (answer.isSuccess) continue;
      refusalCount++;
      expect(refusalText(answer) !== '', `a reason why ${method} of an unknown volume is refused`, answer);
    }
    if (refusalCount === 0) note('The driver refuses neither Mount, Path nor Unmount of an unknown volume');
  },

  async 'PRO-011'(context) {
    const { plugin, volume, createdVolume, manifest, random, note } = context;
    if (manifest.options.required.length > 0) note('Creates without options were left out: the driver needs some');
    else {
      for (const options of [{ Opts: null }, { Opts: {} }, {}]) {
        (await plugin.call('VolumeDriver.Create', { Name: await volume(), ...options })).mustSucceed();
      }
    }
    for (const id of [{}, { ID: '' }, { ID: random.hex(32) }]) {
      const name = await createdVolume();
      (await plugin.call('VolumeDriver.Mount', { Name: name, ...id })).mustSucceed();
      (await plugin.call('VolumeDriver.Unmount', { Name: name, ...id })).mustSucceed();
    }
  },

  async 'PRO-012'({ plugin, volume, optionsFor }) {
    const Name = await volume();
    const more = { DrydockUnknownField: { nested: ['of', 'a', 'later', 'client'] } };
    (await plugin.call('VolumeDriver.Create', { Name, Opts: optionsFor(Name), ...more })).mustSucceed();
    (await plugin.call('VolumeDriver.Mount', { Name, ...more })).mustSucceed();
    (await plugin.call('VolumeDriver.Unmount', { Name, ...more })).mustSucceed();
    (await plugin.call('VolumeDriver.Remove', { Name, ...more })).mustSucceed();
  },

  async 'PRO-013'({ plugin, expect }) {
    const answer = await plugin.call('VolumeDriver.NoSuchCall', {});
    expect(answer.status === 404, 'status 404 for VolumeDriver.NoSuchCall', answer);
    expect(answer.durationMs <= UNKNOWN_CALL_MS_MAX, 'it within a second', `it after ${answer.durationMs} ms`);
    const activated = await plugin.call('Plugin.Activate');
    expect(activated.status === 200, 'Plugin.Activate to be answered as ever', activated);
  },

  async 'PRO-014'({ plugin, expect, note }) {
    using connection = plugin.connection();
    for (let count = 1; count <= CALL_COUNT; count++) {
      const answer = await plugin.call('Plugin.Activate', '', { connection });
      expect(answer.status === 200, `status 200 for call ${count} of a connection`, answer);
    }
    if (connection.connectCount > 1) {
      note(`The driver ended its connection: ${CALL_COUNT} calls took ${connection.connectCount} of them`);
    }
    for (let count = 1; count <= CALL_COUNT; count++) {
      const answer = await plugin.call('Plugin.Activate');
      expect(answer.status === 200, `status 200 on connection ${count}`, answer);
    }
  },

  async 'PRO-015'({ plugin, volume, optionsFor }) {
    for (const [end, how] of [
      ['\n', {}],
      ['', {}],
      ['\n', { chunkBytes: 7 }],
      ['', { chunkBytes: 1024 }],
    ] as const) {
      const Name = await volume();
      const body = `${JSON.stringify({ Name, Opts: optionsFor(Name) })}${end}`;
      (await plugin.call('VolumeDriver.Create', body, how)).mustSucceed();
    }
  },

  async 'PRO-016'({ plugin, volume, optionsFor, manifest, expect }) {
    for (const option of manifest.options.required) {
      const Name = await volume();
      const { [option]: _left, ...Opts } = optionsFor(Name);
      const created = await plugin.call('VolumeDriver.Create', { Name, Opts });
      const refused = created.isSuccess ? await plugin.call('VolumeDriver.Mount', { Name }) : created;
      expect(!refused.isSuccess, `Create or Mount to be refused without the option ${option}`, refused);
      expect(refused.text.includes(option), `a refusal that names the option ${option}`, refused);
    }
  },

  async 'PRO-017'({ plugin, createdVolume, manifest, agentSide, expect }) {
    const Name = await createdVolume();
    const mounted = (await plugin.call('VolumeDriver.Mount', { Name })).mustSucceed();
    const mountpoint = mounted.json?.['Mountpoint'];
    const probe = manifest.options.probe ?? ['false'];
    const inMountpoint = [
      'sh',
      '-c',
      'cd "$1" && shift && exec "$@"',
      'probe',
      `${String(mountpoint)}`,
      ...probe,
    ] as const;
    const result = await agentSide.exec(inMountpoint);
    const said = `${result.stdout}${result.stderr}`.trim();
    const got = `exit status ${result.exitCode ?? result.signal}${said === '' ? '' : `, ${said}`}`;
    expect(result.exitCode === 0, `the probe \`${probe.join(' ')}\` to succeed in ${String(mountpoint)}`, got);
  },
};

/** Every call of the protocol once, where it should succeed; with whatever came back. */
async function wholeLife({ plugin, volume, optionsFor }: CheckContext): Promise<readonly BareAnswer[]> {
  const Name = await volume();
  return [
    await plugin.call('Plugin.Activate'),
    await plugin.call('VolumeDriver.Create', { Name, Opts: optionsFor(Name) }),
    await plugin.call('VolumeDriver.Get', { Name }),
    await plugin.call('VolumeDriver.List', {}),
    await plugin.call('VolumeDriver.Path', { Name }),
    await plugin.call('VolumeDriver.Mount', { Name }),
    await plugin.call('VolumeDriver.Get', { Name }),
    await plugin.call('VolumeDriver.Path', { Name }),
    await plugin.call('VolumeDriver.Unmount', { Name }),
    await plugin.call('VolumeDriver.Capabilities', {}),
    await plugin.call('VolumeDriver.Remove', { Name }),
  ];
}

/** What a client shows of a refusal: `Err`, or the body when it is no JSON. */
function refusalText(answer: BareAnswer): string {
  return (answer.json === undefined ? answer.text : answer.err).trim();
}
