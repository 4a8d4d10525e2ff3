/** Where a process can be reached, in libprocess's forms. @see 3rdparty/libprocess/include/process/address.hpp, pid.hpp */
import { isIPv6 } from 'node:net';
import { assert } from '@drydock/base/errors';

export interface SocketAddress {
  readonly ip: string;
  readonly port: number;
}

/** `10.0.0.1:5050`, `[::1]:5050` */
export function formatAddress({ ip, port }: SocketAddress): string {
  return isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** `slave(1)@10.0.0.1:5051` */
export function formatPid(id: string, address: SocketAddress): string {
  return `${id}@${formatAddress(address)}`;
}

/** The address in a pid; port 0 in one that has none. */
export function addressOfPid(pid: string): SocketAddress {
  const text = pid.slice(pid.indexOf('@') + 1);
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<v4>[^:]*))(?::(?<port>\d+))?$/.exec(text);
  assert(match !== null, `Expected a pid of the form id@ip:port, got ${pid}`);
  const { v6, v4 = '', port = '0' } = match.groups ?? {};
  return { ip: v6 ?? v4, port: Number(port) };
}
