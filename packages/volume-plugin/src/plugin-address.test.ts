import { describe, expect, it } from 'vitest';
import { PluginAddressError } from './errors.ts';
import { parsePluginAddress } from './plugin-address.ts';

describe('parsePluginAddress', () => {
  it.each([
    [' unix:///run/x.sock\n', { kind: 'unix', socketPath: '/run/x.sock' }],
    ['tcp://127.0.0.1:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    ['http://localhost/', { kind: 'tcp', host: 'localhost', port: 80 }],
    ['tcp://[::1]:9', { kind: 'tcp', host: '::1', port: 9 }],
  ])('reads %j', (text, address) => {
    expect(parsePluginAddress(text)).toEqual(address);
  });

  it.each([
    '',
    '/run/x.sock',
    'unix://run/x.sock',
    'npipe:///x',
    'https://h:1',
    'tcp://h:0',
    'tcp://h:65536',
    'tcp://:80',
  ])('refuses %j', (text) => {
    expect(() => parsePluginAddress(text)).toThrow(PluginAddressError);
  });

  it('says `Unknown protocol` for an address without a scheme', () => {
    expect(() => parsePluginAddress('/run/x.sock')).toThrow('Unknown protocol');
  });
});
