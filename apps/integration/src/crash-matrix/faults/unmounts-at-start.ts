/** Preloaded into an agent: it has every volume unmounted that a container of an earlier one holds. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { processesOfRun, VOLUMES_VARIABLE } from '../holders.ts';

const hostname = process.argv.find((flag) => flag.startsWith('--hostname='))?.split('=')[1] ?? '';
for (const pid of await processesOfRun(hostname)) {
  const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
  const volumes = environment.find((entry) => entry.startsWith(`${VOLUMES_VARIABLE}=`))?.split('=')[1] ?? '';
  for (const volume of volumes.split(',')) {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const where = { socketPath: '/run/docker/plugins/plain.sock', method: 'POST', path: '/VolumeDriver.Unmount' };
    request(where, (reply) => reply.resume().on('end', resolve))
      .on('error', reject)
      .end(JSON.stringify({ Name: volume }));
    await promise;
  }
}
