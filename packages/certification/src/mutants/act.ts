import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { driverProcess } from './driver-process-mutant.ts';
import { fakeDriver } from './fake-driver-mutant.ts';
import type { Mutant } from './mutant.ts';
import { tlsDriver } from './tls-driver-mutant.ts';

export const actMutants: readonly Mutant[] = [
  {
    check: 'ACT-001',
    fault: 'a spec file of the same name lies beside the socket',
    start: async (places) => {
      const spec = join(places.discovery.specs[0] ?? places.directory, 'fake.spec');
      await mkdir(dirname(spec), { recursive: true });
      await writeFile(spec, 'unix:///run/elsewhere.sock\n');
      return await fakeDriver()(places);
    },
  },
  {
    check: 'ACT-002',
    fault: 'Implements has no VolumeDriver',
    start: fakeDriver({
      tamper: async (request, ask) => {
        const reply = await ask();
        return request.path === '/Plugin.Activate' ? { ...reply, body: '{"Implements":["NetworkDriver"]}' } : reply;
      },
    }),
  },
  {
    check: 'ACT-003',
    fault: 'the tenth activation forgets what is mounted',
    start: async (places) => {
      let activationCount = 0;
      const start = fakeDriver({
        tamper: async (request, ask) => {
          if (request.path === '/Plugin.Activate') activationCount++;
          const isForgotten = request.path === '/VolumeDriver.Path' && activationCount >= 10;
          return isForgotten ? { status: 200, contentType: 'text/plain', body: '{"Mountpoint":""}' } : await ask();
        },
      });
      return await start(places);
    },
  },
  {
    check: 'ACT-004',
    fault: 'refuses requests whose Host is empty, as strict HTTP servers do',
    start: fakeDriver({
      tamper: async (request, ask) =>
        request.headers['host'] === ''
          ? { status: 400, contentType: 'text/plain', body: 'Bad Request\n' }
          : await ask(),
    }),
  },
  {
    check: 'ACT-005',
    fault: 'a name with capital letters',
    start: async (places) => {
      const { sockets } = places.discovery;
      await symlink(places.socketPath, join(sockets, 'Fake.sock'));
      return await fakeDriver({ manifest: { name: 'Fake' } })(places);
    },
  },
  {
    check: 'ACT-006',
    fault: 'takes any client, whatever its certificate',
    faithful: tlsDriver({ requestCert: true, rejectUnauthorized: true }),
    start: tlsDriver({ requestCert: true, rejectUnauthorized: false }),
  },
  {
    check: 'ACT-007',
    fault: 'takes 12 s to listen again',
    start: driverProcess({ slowRestartMs: 12_000 }),
  },
];
