import { describe, expect, it } from 'vitest';
import { serveMaster } from './testing/scripted-peers.ts';

describe('the master', () => {
  it.each([
    ['10.0.0.7', 117_440_522, 'master@10.0.0.7:80', '//10.0.0.7:80'],
    // MasterInfo's number has no room for such an address.
    ['2001:db8::7', 0, 'master@[2001:db8::7]:80', '//[2001:db8::7]:80'],
  ])('at %s says so', async (ip, number, pid, location) => {
    await using served = await serveMaster({ hostname: ip, ip, port: 80 });
    expect(served.master.info).toMatchObject({ ip: number, port: 80, pid, address: { hostname: ip, ip, port: 80 } });
    const response = await fetch(`http://${served.address}/redirect`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([307, location]);
  });
});
