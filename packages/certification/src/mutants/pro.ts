import type { HttpReply } from '@drydock/volume-plugin/server';
import { fakeDriver, type FakeDriverMutant } from './fake-driver-mutant.ts';
import type { Mutant } from './mutant.ts';
import type { Tamper } from './tampered-socket.ts';

/** Changes the answers to one call. */
function onAnswer(call: string, change: (reply: HttpReply) => HttpReply): FakeDriverMutant {
  return {
    tamper: async (request, ask) => {
      const reply = await ask();
      return request.path === `/${call}` ? change(reply) : reply;
    },
  };
}

/** Changes the JSON of successful answers to one call. */
function onJson(call: string, change: (json: Record<string, unknown>) => unknown): FakeDriverMutant {
  return onAnswer(call, (reply) => {
    if (reply.status !== 200) return reply;
    return { ...reply, body: `${JSON.stringify(change(JSON.parse(reply.body) as Record<string, unknown>))}\n` };
  });
}

/** Changes the Volume that Get tells. */
function onVolume(fields: Readonly<Record<string, unknown>>): FakeDriverMutant {
  return onJson('VolumeDriver.Get', (json) => ({ ...json, Volume: { ...(json['Volume'] as object), ...fields } }));
}

/** Refuses requests. */
function refusing(isRefused: (request: Parameters<Tamper>[0]) => boolean, status = 400): FakeDriverMutant {
  return {
    tamper: async (request, ask) =>
      isRefused(request) ? { status, contentType: 'text/plain', body: 'Bad Request\n' } : await ask(),
  };
}

const sized = { create: { size: '1G' }, required: ['size'] };
const sizeIsRequired = { options: { size: { kind: 'size', isRequired: true } } } as const;

/** Puts volumes where an option says. */
const chosen = {
  profile: 'local-persist',
  manifest: {
    options: {
      create: { mountpoint: '<directory>/driver/data/chosen-<name>' },
      required: ['mountpoint'],
      probe: ['sh', '-c', 'case "$PWD" in */chosen-*) ;; *) echo "it is $PWD"; exit 1 ;; esac'],
    },
  },
} as const;

export const proMutants: readonly Mutant[] = [
  {
    check: 'PRO-001',
    fault: 'has no Path',
    start: fakeDriver({ changes: { missingCalls: ['VolumeDriver.Path'] } }),
  },
  {
    check: 'PRO-002',
    fault: 'has no Get, as convoy 0.4',
    start: fakeDriver({ changes: { missingCalls: ['VolumeDriver.Get'] } }),
  },
  {
    check: 'PRO-002',
    fault: 'Get of an unknown volume is a success without a volume',
    start: fakeDriver(
      onAnswer('VolumeDriver.Get', (reply) =>
        reply.status === 200 ? reply : { ...reply, status: 200, body: '{"Volume":null,"Err":""}\n' },
      ),
    ),
  },
  {
    check: 'PRO-003',
    fault: 'List is that of before the last Remove',
    start: async (places) => {
      let earlier = '';
      const start = fakeDriver({
        tamper: async (request, ask) => {
          const reply = await ask();
          if (request.path !== '/VolumeDriver.List') return reply;
          // A driver that never takes a volume off its list.
          const known = JSON.parse(earlier === '' ? '[]' : earlier) as { Name: string }[];
          const told = (JSON.parse(reply.body) as { Volumes?: { Name: string }[] }).Volumes ?? [];
          const all = [...known.filter(({ Name }) => told.every((one) => one.Name !== Name)), ...told];
          earlier = JSON.stringify(all);
          return { ...reply, body: `${JSON.stringify({ Volumes: all, Err: '' })}\n` };
        },
      });
      return await start(places);
    },
  },
  {
    check: 'PRO-004',
    fault: 'Capabilities tells another scope than the manifest',
    start: fakeDriver(onJson('VolumeDriver.Capabilities', () => ({ Capabilities: { Scope: 'planet' } }))),
  },
  {
    check: 'PRO-005',
    fault: 'Path is answered with status 201',
    start: fakeDriver(
      onAnswer('VolumeDriver.Path', (reply) => ({ ...reply, status: reply.status === 200 ? 201 : reply.status })),
    ),
  },
  {
    check: 'PRO-005',
    fault: 'the answer of Path begins with a byte order mark',
    start: fakeDriver(onAnswer('VolumeDriver.Path', (reply) => ({ ...reply, body: `\uFEFF${reply.body}` }))),
  },
  {
    check: 'PRO-006',
    fault: 'Status is an array',
    start: fakeDriver(onVolume({ Status: [] })),
  },
  {
    check: 'PRO-006',
    fault: 'Mountpoint of Path is a number',
    start: fakeDriver(onJson('VolumeDriver.Path', (json) => ({ ...json, Mountpoint: 5 }))),
  },
  {
    check: 'PRO-007',
    fault: 'CreatedAt is empty',
    start: fakeDriver(onVolume({ CreatedAt: '' })),
  },
  {
    check: 'PRO-008',
    fault: 'answers say that they are text',
    start: fakeDriver({ changes: { replyStyle: 'convoy' } }),
  },
  {
    check: 'PRO-009',
    fault: 'Get tells the name in capital letters',
    start: fakeDriver(
      onJson('VolumeDriver.Get', (json) => {
        const volume = json['Volume'] as { Name: string };
        return { ...json, Volume: { ...volume, Name: volume.Name.toUpperCase() } };
      }),
    ),
  },
  {
    check: 'PRO-010',
    fault: 'refuses a Mount without a word',
    start: fakeDriver(
      onAnswer('VolumeDriver.Mount', (reply) => (reply.status === 200 ? reply : { ...reply, body: '{"Err":""}\n' })),
    ),
  },
  {
    check: 'PRO-011',
    fault: 'refuses null for Opts',
    start: fakeDriver(refusing(({ path, body }) => path === '/VolumeDriver.Create' && body.includes('"Opts":null'))),
  },
  {
    check: 'PRO-011',
    fault: 'refuses an ID',
    start: fakeDriver(refusing(({ path, body }) => path === '/VolumeDriver.Mount' && /"ID":"[0-9a-f]{64}"/.test(body))),
  },
  {
    check: 'PRO-012',
    fault: 'refuses fields that it does not know',
    start: fakeDriver(refusing(({ body }) => body.includes('Unknown'))),
  },
  {
    check: 'PRO-013',
    fault: 'answers every call with success',
    start: fakeDriver(onAnswer('VolumeDriver.NoSuchCall', (reply) => ({ ...reply, status: 200, body: '{}\n' }))),
  },
  {
    check: 'PRO-014',
    fault: 'hangs up on every 150th activation',
    start: async (places) => {
      let count = 0;
      const start = fakeDriver({
        tamper: async (request, ask) =>
          request.path === '/Plugin.Activate' && ++count % 150 === 0 ? 'drop' : await ask(),
      });
      return await start(places);
    },
  },
  {
    check: 'PRO-015',
    fault: 'refuses bodies in chunks',
    start: fakeDriver(refusing(({ headers }) => headers['transfer-encoding'] !== undefined, 411)),
  },
  {
    check: 'PRO-015',
    fault: 'refuses a newline after the JSON of a body in chunks',
    start: fakeDriver(
      refusing(
        ({ path, body, headers }) =>
          path === '/VolumeDriver.Create' && headers['transfer-encoding'] !== undefined && body.endsWith('\n'),
      ),
    ),
  },
  {
    check: 'PRO-016',
    fault: 'takes a volume without the option that the manifest says is required',
    faithful: fakeDriver({ manifest: { options: sized }, changes: sizeIsRequired }),
    start: fakeDriver({ manifest: { options: sized } }),
  },
  {
    check: 'PRO-016',
    fault: 'refuses a missing option without its name',
    start: fakeDriver({
      manifest: { options: sized },
      changes: sizeIsRequired,
      tamper: async (request, ask) => {
        const reply = await ask();
        return {
          ...reply,
          body: request.path === '/VolumeDriver.Create' ? reply.body.replaceAll('size', 'it') : reply.body,
        };
      },
    }),
  },
  {
    check: 'PRO-017',
    fault: 'does not do what the option says',
    faithful: fakeDriver(chosen),
    start: fakeDriver({
      ...chosen,
      tamper: async (request, ask) => await ask(request.body.replace('chosen-', 'other-')),
    }),
  },
];
