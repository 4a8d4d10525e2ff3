/**
 * Cuts a host off from another: it sends its packets for the other to a hardware address that nobody has. They vanish as
 * on a broken network, nobody is told, and both hosts can still be reached by everybody else.
 */
import { HostCommandError, type StartedHost } from './host-container.ts';

export interface Partition extends AsyncDisposable {
  /** Ends it; connections that have not given up go on. Idempotent. */
  heal(): Promise<void>;
}

/** Locally administered, so no vendor has given it to anybody. */
const NOBODY = '02:00:00:00:dd:0d';

export async function cutOff(host: StartedHost, other: StartedHost): Promise<Partition> {
  const { address } = other;
  await arp(host, ['-s', address, NOBODY]);
  let healing: Promise<void> | undefined;
  const heal = async (): Promise<void> => {
    healing ??= arp(host, ['-d', address]);
    await healing;
  };
  return { heal, [Symbol.asyncDispose]: heal };
}

async function arp(host: StartedHost, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await host.exec(['arp', ...args]);
  if (exitCode !== 0) throw new HostCommandError(`On ${host.name}, arp ${args.join(' ')} failed: ${stderr}`);
}
