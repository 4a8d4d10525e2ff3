import { describe, expect, it } from 'vitest';
import { PluginAddressError } from '../errors.ts';
import { parsePluginAddress } from './plugin-address.ts';

describe('parsePluginAddress', () => {
  it.each([
    [' unix:///run/x.sock\n', { kind: 'unix', socketPath: '/run/x.sock' }],
    ['tcp://127.0.0.1:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080, authority: '127.0.0.1:8080' }],
    ['http://localhost/', { kind: 'tcp', host: 'localhost', port: 80, authority: 'localhost' }],
    ['tcp://[::1]:9', { kind: 'tcp', host: '::1', port: 9, authority: '[::1]:9' }],
    ['https://h/docker/plugin', { kind: 'tcp', host: 'h', port: 443, authority: 'h', tls: { isVerifying: false } }],
  ])('reads %j', (text, address) => {
    expect(parsePluginAddress(text)).toEqual(address);
  });

  it.each([
    '',
    '/run/x.sock',
    'unix://run/x.sock',
    'npipe:///x',
    'https://:1',
    'tcp://h:0',
    'tcp://h:65536',
    'tcp://:80',
  ])('refuses %j', (text) => {
    expect(() => parsePluginAddress(text)).toThrow(PluginAddressError);
  });

  it.each(['tcp://h:1', 'http://h:1', 'unix:///run/x.sock'])(
    'refuses %j beside TLSConfig: it would not be used',
    (text) => {
      expect(() => parsePluginAddress(text, { isVerifying: true })).toThrow(
        `Expected https://host:port beside TLSConfig, got ${text}`,
      );
    },
  );

  it('says `Unknown protocol` for an address without a scheme', () => {
    expect(() => parsePluginAddress('/run/x.sock')).toThrow('Unknown protocol');
  });
});
