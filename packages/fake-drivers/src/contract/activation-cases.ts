import { aVolume, discard, expectRefusal, expectSuccess, expectThat } from './expectations.ts';
import type { PluginCase } from './plugin-case.ts';

const API = 'docs.docker.com/engine/extend/plugins_volume';

/** Handshake, bodies and paths. */
export const activationCases: readonly PluginCase[] = [
  {
    id: 'PLG-001',
    title: 'implements VolumeDriver',
    requires: [],
    source: `${API}, plugin_api`,
    async run({ client }) {
      const { Implements } = expectSuccess('Plugin.Activate', await client.post('Plugin.Activate', ''));
      const isDriver = Array.isArray(Implements) && Implements.includes('VolumeDriver');
      expectThat(isDriver, 'Implements to hold VolumeDriver', JSON.stringify(Implements));
    },
  },
  {
    id: 'PLG-002',
    title: 'is activated with the body `null` of dvdcli 0.1, and again with volumes there',
    requires: [],
    source: 'dvdcli 0.1.0, run',
    async run(context) {
      const name = await aVolume(context);
      for (let count = 0; count < 3; count++) {
        expectSuccess('Plugin.Activate', await context.client.post('Plugin.Activate', 'null\n'));
      }
      expectSuccess('Mount', await context.client.post('VolumeDriver.Mount', { Name: name, ID: 'case' }));
      await discard(name, context);
    },
  },
  {
    id: 'PLG-003',
    title: 'tells its scope',
    requires: ['VolumeDriver.Capabilities'],
    source: `${API}, volumedrivercapabilities`,
    async run({ client, habits }) {
      const { Capabilities } = expectSuccess('Capabilities', await client.post('VolumeDriver.Capabilities', {}));
      const text = JSON.stringify(Capabilities);
      expectThat(text === JSON.stringify({ Scope: habits.scope }), `scope ${habits.scope}`, text);
    },
  },
  {
    id: 'PLG-004',
    title: 'answers 404 for a call that it does not have',
    requires: [],
    source: 'convoy 0.4.3, run; go-plugins-helpers',
    async run({ client, habits }) {
      for (const method of [...habits.missingCalls, 'VolumeDriver.Nothing']) {
        const { status } = await client.post(method, { Name: 'v' });
        expectThat(status === 404, `status 404 for ${method}`, `status ${status}`);
      }
    },
  },
  {
    id: 'PLG-005',
    title: 'refuses a GET of a call',
    requires: [],
    source: 'convoy 0.5.2, run',
    async run({ client }) {
      const { status } = await client.send('GET', '/VolumeDriver.List', '');
      expectThat(status === 404 || status === 405, 'status 404 or 405', `status ${status}`);
    },
  },
  {
    id: 'PLG-006',
    title: 'refuses a body that is no JSON, and the empty one of an engine that sends again, and goes on',
    requires: [],
    source: 'moby#33412; dockerd 20.10, run',
    async run(context) {
      for (const body of ['', '{', '<html>', '[]']) {
        const { status, json } = await context.client.post('VolumeDriver.Mount', body);
        const isRefused = status >= 400 || (json?.['Err'] ?? '') !== '';
        expectThat(isRefused, `the body ${JSON.stringify(body)} to be refused`, `status ${status}`);
      }
      await discard(await aVolume(context), context);
    },
  },
  {
    id: 'PLG-007',
    title: 'refuses a Create without a name',
    requires: [],
    source: 'dockerd 20.10, run: its retries have an empty body',
    async run(context) {
      expectRefusal('Create without a name', await context.client.post('VolumeDriver.Create', { Opts: {} }), context);
    },
  },
];
