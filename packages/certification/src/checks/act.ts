/** Discovery and activation. @see https://docs.docker.com/engine/extend/plugin_api/ */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import { addressText } from '../driver/driver-location.ts';
import { dvdcliHeaders } from '../wire/bare-plugin.ts';
import { activationOver, strangersCertificate } from './tls.ts';

const ACTIVATION_COUNT = 20;
/** A real dvdcli gives up on a socket that nobody listens at after 15 s. */
const BACK_MS_MAX = 10_000;
const FIRST_CALL_MS_MAX = 15_000;

export const actChecks: CheckBodies = {
  async 'ACT-001'({ location, manifest, expect, note }) {
    const { files } = location;
    const told = files.map(({ path, mode, uid }) => `${path} (mode ${mode}, uid ${uid})`).join(', ');
    if (manifest.socket !== undefined && files.length === 0) {
      note(`The manifest names the socket ${manifest.socket}; clients look for the name ${manifest.name}`);
    }
    expect(files.length > 0, `a definition of ${manifest.name} where Docker looks for plugins`, 'none');
    expect(files.length === 1, 'exactly one definition', told);
    const [only] = files;
    const isSame = manifest.socket === undefined || only?.kind !== 'socket' || only.path === manifest.socket;
    expect(isSame, `the definition to be the socket of the manifest, ${manifest.socket}`, told);
  },

  async 'ACT-002'({ plugin, expect }) {
    const answer = await plugin.call('Plugin.Activate');
    expect(answer.status === 200, 'status 200', answer);
    const implemented = answer.json?.['Implements'];
    expect(
      Array.isArray(implemented) && implemented.includes('VolumeDriver'),
      'a JSON object whose Implements has VolumeDriver',
      answer,
    );
  },

  async 'ACT-003'(context) {
    const { plugin, agentSide, expect } = context;
    const volume = await context.createdVolume();
    const mountpoint = await mountOf(context, volume);
    await agentSide.write(join(mountpoint, 'before'), 'kept');
    const first = await plugin.call('Plugin.Activate');
    for (let count = 1; count < ACTIVATION_COUNT; count++) {
      const again = await plugin.call('Plugin.Activate');
      expect(again.text === first.text && again.status === first.status, `the first answer, ${first.summary}`, again);
    }
    const kept = await agentSide.read(join(mountpoint, 'before'));
    expect(kept === 'kept', 'the volume to be mounted as before', kept ?? 'its file was gone');
    const path = (await plugin.call('VolumeDriver.Path', { Name: volume })).mustSucceed();
    expect(path.json?.['Mountpoint'] === mountpoint, `Path to tell ${mountpoint}`, path);
    (await plugin.call('VolumeDriver.Unmount', { Name: volume })).mustSucceed();
    (await plugin.call('VolumeDriver.Remove', { Name: volume })).mustSucceed();
  },

  async 'ACT-004'(context) {
    const { plugin, expect } = context;
    const activated = await plugin.call('Plugin.Activate', '', {
      headers: [...dvdcliHeaders, ['Content-Length', '0']],
    });
    expect(activated.status === 200, 'Activate with an empty Host to be answered with status 200', activated);
    const volume = await context.volume();
    const body = `${JSON.stringify({ Name: volume, Opts: context.optionsFor(volume) })}\n`;
    const headers = [...dvdcliHeaders, ['Content-Length', `${Buffer.byteLength(body)}`]] as const;
    const created = await plugin.call('VolumeDriver.Create', body, { headers });
    expect(created.isSuccess, 'Create without Content-Type to succeed', created);
  },

  async 'ACT-005'({ manifest, expect }) {
    expect(/^[a-z0-9][a-z0-9_.-]*$/.test(manifest.name), 'a name that matches ^[a-z0-9][a-z0-9_.-]*$', manifest.name);
  },

  async 'ACT-006'({ plugin, location, expect, signal }) {
    const { address } = location;
    if (address.kind !== 'tcp' || address.tls === undefined) {
      return expect(
        false,
        'a .json spec with https:// and TLSConfig, since the manifest declares tls',
        addressText(address),
      );
    }
    (await plugin.call('Plugin.Activate')).mustSucceed();
    const { cert: _cert, key: _key, ...nobody } = address.tls;
    const strangers = {
      'a client without a certificate': {},
      'a certificate of a stranger': await strangersCertificate(),
    };
    for (const [who, certificate] of Object.entries(strangers)) {
      const answer = await activationOver({ ...address, tls: { ...nobody, ...certificate } }, signal);
      expect(answer?.startsWith('HTTP/1.1 2') !== true, `${who} to be refused`, answer ?? '');
    }
  },

  async 'ACT-007'({ driver, plugin, expect, measure, signal }) {
    await driver.kill('SIGKILL');
    const startedAt = performance.now();
    await driver.start();
    for (;;) {
      const answered = await plugin
        .call('Plugin.Activate', '', { timeoutMs: FIRST_CALL_MS_MAX })
        .catch(() => undefined);
      if (answered?.isSuccess === true) break;
      const waitedMs = performance.now() - startedAt;
      expect(waitedMs < FIRST_CALL_MS_MAX, `an answer within ${FIRST_CALL_MS_MAX / 1_000} s`, 'none');
      await delay(50, undefined, { signal });
    }
    const backMs = Math.round(performance.now() - startedAt);
    measure('backMs', backMs);
    expect(
      backMs <= BACK_MS_MAX,
      `a live socket within ${BACK_MS_MAX / 1_000} s of the start`,
      `one after ${backMs} ms`,
    );
  },
};

/** Mounts over the bare protocol. @throws CheckFailedError unless the mountpoint is an absolute path */
async function mountOf({ plugin, expect }: CheckContext, volume: string): Promise<string> {
  const answer = (await plugin.call('VolumeDriver.Mount', { Name: volume })).mustSucceed();
  const mountpoint = answer.json?.['Mountpoint'];
  expect(typeof mountpoint === 'string' && mountpoint.startsWith('/'), 'an absolute Mountpoint', answer);
  return String(mountpoint);
}
