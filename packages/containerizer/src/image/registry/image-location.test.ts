import { describe, expect, it } from 'vitest';
import { isLoopback, locateImage, parseDockerRegistry } from './image-location.ts';

describe('parseDockerRegistry', () => {
  it.each([
    ['/images', { kind: 'archives', directory: '/images' }],
    ['file:///images/of%20ours', { kind: 'archives', directory: '/images/of ours' }],
    ['https://registry-1.docker.io', { kind: 'registry', origin: 'https://registry-1.docker.io' }],
    ['http://127.0.0.1:5000/', { kind: 'registry', origin: 'http://127.0.0.1:5000' }],
    ['https://[::1]:5000', { kind: 'registry', origin: 'https://[::1]:5000' }],
  ])('reads %s', (text, expected) => {
    expect(parseDockerRegistry(text)).toEqual(expected);
  });

  it.each([
    ['images', ''],
    ['', ''],
    ['localhost:5000', ''],
    ['hdfs://name/images', ''],
    ['https://', ''],
    ['file://host/images', '; a file is of no host'],
    ['https://registry.test/mirror', ', without a path'],
    ['https://registry.test?x', ', without a path'],
    ['https://user:secret@registry.test', '; credentials belong into --docker_config'],
  ])('refuses %s', (text, more) => {
    expect(() => parseDockerRegistry(text)).toThrow(
      `Expecting an absolute path, a file:// URL, or http(s)://host[:port]${more}`,
    );
  });
});

describe('locateImage', () => {
  const digest = 'a'.repeat(64);
  it.each([
    ['app', 'http://registry.test', ['http://registry.test', 'app', 'latest']],
    ['team/app:1.0', 'https://registry.test', ['https://registry.test', 'team/app', '1.0']],
    ['ubuntu:14.04', 'https://registry-1.docker.io', ['https://registry-1.docker.io', 'library/ubuntu', '14.04']],
    ['team/app', 'https://registry-1.docker.io', ['https://registry-1.docker.io', 'team/app', 'latest']],
    ['index.docker.io/app', 'http://x', ['https://registry-1.docker.io', 'library/app', 'latest']],
    ['docker.io.other.test/app', 'http://x', ['https://docker.io.other.test', 'app', 'latest']],
    ['localhost/app', 'http://x', ['https://localhost', 'app', 'latest']],
    ['localhost:5000/a/b:c', 'http://x', ['http://localhost:5000', 'a/b', 'c']],
    ['127.0.0.1:5000/app', 'http://x', ['http://127.0.0.1:5000', 'app', 'latest']],
    ['[::1]:5000/app', 'http://x', ['http://[::1]:5000', 'app', 'latest']],
    ['quay.test:443/app', 'http://x', ['https://quay.test', 'app', 'latest']],
    ['quay.test:80/app', 'http://x', ['http://quay.test', 'app', 'latest']],
    ['quay.test:5000/app', 'http://x', ['https://quay.test:5000', 'app', 'latest']],
    // Where the operator has said how it is spoken to.
    ['quay.test:5000/app', 'http://quay.test:5000', ['http://quay.test:5000', 'app', 'latest']],
    [`app@sha256:${digest}`, 'http://x', ['http://x', 'app', `sha256:${digest}`]],
    [`app:1@sha256:${digest}`, 'http://x', ['http://x', 'app', `sha256:${digest}`]],
  ])('finds %s, where others are at %s', (name, defaultOrigin, [origin, repository, reference]) => {
    expect(locateImage(name, defaultOrigin)).toMatchObject({ origin, repository, reference });
  });

  it('refuses a port that is none', () => {
    expect(() => locateImage('host:99999/app', 'http://x')).toThrow(
      "Failed to parse docker image 'host:99999/app': 'host:99999' is not a host and its port",
    );
  });
});

describe('isLoopback', () => {
  it.each([
    ['localhost', true],
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['[::1]', true],
    ['127.0.0.1.evil.test', false],
    ['localhost.evil.test', false],
    ['10.0.0.1', false],
  ])('of %s is %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
