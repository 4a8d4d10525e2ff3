/** The program of `mountInProcesses`: mounts volumes when it is told, each as dvdcli does, and tells the mountpoints. */
import { messageOf } from '@drydock/base/errors';
import { connectVolumeDriver, callSequences } from '@drydock/volume-plugin';
import { driverFault } from '../run/outcome.ts';
import type { ClientJob, ClientOutcome } from './client-processes.ts';

process.once('message', (job: ClientJob) => void run(job).then(tell));
process.send?.('ready');

async function run({ client, plugin, directories, mounts, callTimeoutMs }: ClientJob): Promise<ClientOutcome> {
  const mountpoints: string[] = [];
  try {
    for (const { volume, options, mountId } of mounts) {
      const signal = AbortSignal.timeout(callTimeoutMs);
      using driver = await connectVolumeDriver(plugin, { client, directories, signal, callTimeoutMs });
      const id = mountId === undefined ? {} : { mountId };
      mountpoints.push(await callSequences[client].mount(driver, volume, options, { signal, ...id }));
    }
    return { mountpoints };
  } catch (error) {
    const got = driverFault(error)?.got;
    return got === undefined ? { harness: messageOf(error) } : { got };
  }
}

function tell(outcome: ClientOutcome): void {
  process.send?.(outcome, () => process.disconnect?.());
}
