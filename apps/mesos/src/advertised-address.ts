import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { defineFlags } from '@drydock/base/gflags';
import type { SocketAddress } from '@drydock/mesos';

/** What master and agent have in common: where others reach them. */
export const addressFlags = defineFlags({
  advertise_ip: {
    kind: 'string',
    check: (value) =>
      isIP(value) === 0 || isUnspecified(value) ? 'Expecting the IP address of one machine' : undefined,
    help: 'Address that others are told, where it is not --ip',
    source: 'master/main.cpp: advertise_ip',
  },
  advertise_port: {
    kind: 'int',
    check: (value) =>
      /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535
        ? undefined
        : 'Expecting a port from 1 to 65535',
    help: 'Port that others are told, where it is not --port',
    source: 'master/main.cpp: advertise_port',
  },
});

type Interfaces = Readonly<
  Record<string, readonly Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal'>[] | undefined>
>;

/**
 * Where others reach a process that listens at `bound`. One that listens on every address names one of this machine's: the
 * first that other machines can reach, or else loopback.
 */
export function advertisedAddress(
  bound: SocketAddress,
  flags: { readonly advertise_ip: string | undefined; readonly advertise_port: number | undefined },
  interfaces: Interfaces = networkInterfaces(),
): SocketAddress {
  const port = flags.advertise_port ?? bound.port;
  if (flags.advertise_ip !== undefined) return { ip: flags.advertise_ip, port };
  if (!isUnspecified(bound.ip)) return { ip: bound.ip, port };
  const addresses = Object.values(interfaces).flatMap((list = []) => list);
  // `::` takes IPv4, too, which more peers can reach.
  const external = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  const externalV6 = addresses.find(
    ({ address, family, internal }) => family === 'IPv6' && !internal && !address.startsWith('fe80:'),
  );
  const found = external ?? (isIPv6(bound.ip) ? externalV6 : undefined);
  return { ip: found?.address ?? (isIPv6(bound.ip) ? '::1' : '127.0.0.1'), port };
}

function isUnspecified(ip: string): boolean {
  return ip === '0.0.0.0' || /^[0:]*$/.test(ip);
}
