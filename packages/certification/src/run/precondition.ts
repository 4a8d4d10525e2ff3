/**
 * Shows, before any check, that the suite stands where it can judge: a mount of the driver is visible where the Mesos
 * agent would run. What the driver does wrong is left to the checks.
 */
import { readMountTable } from '../driver/mount-table.ts';
import { optionsFor } from '../manifest/secrets.ts';
import { HarnessError } from './outcome.ts';
import type { PreparedRun } from './prepared-run.ts';
import { driverFault } from './outcome.ts';

/** @throws HarnessError with the reason and the remedy */
export async function probeMountVisibility(run: PreparedRun): Promise<void> {
  const { agentSide, manifest, history } = run;
  const pid = await run.driver.findPid();
  if (pid !== undefined && (await agentSide.isNamespaceOf(pid))) return;
  const volume = await run.newVolume('probe');
  const plugin = run.plugin(run.signal);
  let mountpoint: unknown;
  try {
    (
      await plugin.call('VolumeDriver.Create', { Name: volume, Opts: optionsFor(run.createOptions, volume) })
    ).mustSucceed();
    mountpoint = (await plugin.call('VolumeDriver.Mount', { Name: volume })).mustSucceed().json?.['Mountpoint'];
  } catch (error) {
    if (driverFault(error) === undefined) throw error;
    history.record({ kind: 'note', text: 'The driver does not mount, so nobody knows where its mounts are visible' });
    return;
  }
  if (typeof mountpoint !== 'string' || mountpoint === '') return;
  const isHere = manifest.plainDirectory
    ? (await agentSide.exec(['test', '-d', mountpoint])).exitCode === 0
    : (await agentSide.mountsAt(mountpoint)).length > 0;
  if (isHere) return;
  const isThere = pid !== undefined && (await readMountTable(pid)).some((entry) => entry.mountpoint === mountpoint);
  if (pid === undefined || !isThere) {
    history.record({
      kind: 'note',
      text: `Nothing is mounted at ${mountpoint}, and where the driver lives is not known`,
    });
    return;
  }
  throw new HarnessError(
    `The driver (process ${pid}) mounted ${mountpoint} in a mount namespace of its own, where a Mesos agent of the host does not see it`,
    'share its mounts with the host (a container: bind its directory with `:rshared`; a unit: MountFlags=shared, no ' +
      `PrivateMounts or ProtectSystem), or, if the agent runs where the driver does, say \`namespace: {pid: ${pid}}\``,
  );
}
