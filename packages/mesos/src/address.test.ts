import { describe, expect, it } from 'vitest';
import { addressOfPid, formatAddress, formatPid } from './address.ts';

describe('a pid', () => {
  it.each([
    ['slave(1)@10.0.0.1:5051', { ip: '10.0.0.1', port: 5051 }],
    ['slave(1)@[::1]:5051', { ip: '::1', port: 5051 }],
    ['master@[2001:db8::7]:80', { ip: '2001:db8::7', port: 80 }],
  ])('%s has an address and is made of it', (pid, address) => {
    expect(addressOfPid(pid)).toEqual(address);
    expect(formatPid(pid.slice(0, pid.indexOf('@')), address)).toBe(pid);
    expect(formatAddress(address)).toBe(pid.slice(pid.indexOf('@') + 1));
  });

  it('without a port has port 0', () => {
    expect(addressOfPid('slave(1)@10.0.0.1')).toEqual({ ip: '10.0.0.1', port: 0 });
  });

  it.each(['slave(1)@::1:5051', 'slave(1)@[::1:5051', 'x@1:2:3'])('%s is none', (pid) => {
    expect(() => addressOfPid(pid)).toThrow('Expected a pid of the form id@ip:port');
  });
});
