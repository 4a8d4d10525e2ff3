import { FlagsError, parseFlags } from '@drydock/base/gflags';
import { describe, expect, it } from 'vitest';
import { addressFlags, advertisedAddress } from './advertised-address.ts';

const INTERFACES = {
  lo: [{ address: '127.0.0.1', family: 'IPv4' as const, internal: true }],
  eth0: [
    { address: 'fe80::1', family: 'IPv6' as const, internal: false },
    { address: '2001:db8::7', family: 'IPv6' as const, internal: false },
    { address: '10.0.0.7', family: 'IPv4' as const, internal: false },
  ],
};
const V6_ONLY = { eth0: INTERFACES.eth0.slice(0, 2) };

describe('advertisedAddress', () => {
  it.each([
    ['127.0.0.1', INTERFACES, '127.0.0.1'],
    ['10.0.0.9', INTERFACES, '10.0.0.9'],
    ['::1', INTERFACES, '::1'],
    ['0.0.0.0', INTERFACES, '10.0.0.7'],
    ['::', INTERFACES, '10.0.0.7'],
    ['0:0:0:0:0:0:0:0', INTERFACES, '10.0.0.7'],
    ['::', V6_ONLY, '2001:db8::7'],
    ['0.0.0.0', V6_ONLY, '127.0.0.1'],
    ['0.0.0.0', {}, '127.0.0.1'],
    ['::', {}, '::1'],
  ])('of a process at %s among %j is %s', (ip, interfaces, expected) => {
    const flags = { advertise_ip: undefined, advertise_port: undefined };
    expect(advertisedAddress({ ip, port: 5050 }, flags, interfaces)).toEqual({ ip: expected, port: 5050 });
  });

  it('is what the flags say', () => {
    const flags = parseFlags(addressFlags, ['--advertise_ip=192.0.2.1', '--advertise_port=80']).values;
    expect(advertisedAddress({ ip: '127.0.0.1', port: 5050 }, flags, INTERFACES)).toEqual({
      ip: '192.0.2.1',
      port: 80,
    });
  });

  it.each(['--advertise_ip=localhost', '--advertise_ip=0.0.0.0', '--advertise_ip=::', '--advertise_port=0'])(
    'is not what %s says',
    (flag) => {
      expect(() => parseFlags(addressFlags, [flag])).toThrow(FlagsError);
    },
  );
});
