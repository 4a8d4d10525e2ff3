import { startHttpService } from '@drydock/mesos';
import { describe, expect, it } from 'vitest';
import { masterRoutes } from './http/master-routes.ts';
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

  it('that is not there yet answers 503, and frameworks try again', async () => {
    const routes = masterRoutes(() => undefined, { flags: {}, startTime: 1, build: {} });
    await using service = await startHttpService({ port: 0, prefix: 'master', routes });
    const answerTo = async (method: string, path: string): Promise<[number, string]> => {
      const response = await fetch(`http://127.0.0.1:${service.port}${path}`, { method });
      return [response.status, await response.text()];
    };
    for (const prefix of ['', '/master']) {
      for (const path of ['/api/v1/scheduler', '/api/v1', '/api/v1/agent-link', '/teardown']) {
        expect(await answerTo('POST', `${prefix}${path}`)).toEqual([503, 'Master has not finished recovery']);
      }
      for (const path of ['/state', '/state-summary', '/slaves', '/frameworks', '/tasks', '/roles', '/redirect']) {
        expect(await answerTo('GET', `${prefix}${path}`)).toEqual([503, 'Master has not finished recovery']);
      }
      expect(await answerTo('GET', `${prefix}/health`)).toEqual([200, '']);
    }
  });
});
