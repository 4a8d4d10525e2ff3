import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDockerConfig } from './docker-config.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const AUTH = base64('user:pass:word');
const HUB = { 'https://index.docker.io/v1/': { auth: AUTH } };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'docker-config-'));
});
afterEach(async () => await rm(directory, { recursive: true, force: true }));

describe('readDockerConfig', () => {
  it.each([
    ['a host', { auths: { 'registry.test': { auth: AUTH } } }, 'registry.test', AUTH],
    ['a host and its port', { auths: { 'localhost:5000': { auth: AUTH } } }, 'localhost:5000', AUTH],
    ['a URL', { auths: { 'https://registry.test/v1/': { auth: AUTH } } }, 'registry.test', AUTH],
    ['Docker Hub by its old name', { auths: HUB }, 'registry-1.docker.io', AUTH],
    ['the older format', { 'https://registry.test': { auth: AUTH } }, 'registry.test', AUTH],
    ['user and password', { auths: { a: { username: 'u', password: 'p' } } }, 'a', base64('u:p')],
    ['nothing for another port', { auths: { 'localhost:5000': { auth: AUTH } } }, 'localhost:5001', undefined],
    ['nothing of Docker Hub for a host that has its name', { auths: HUB }, 'docker.io.evil.test', undefined],
    ['nothing of Docker Hub for a host that ends alike', { auths: HUB }, 'evil-docker.io', undefined],
    [
      'nothing of a host that has its name for Docker Hub',
      { auths: { 'docker.io.b': { auth: AUTH } } },
      'docker.io',
      undefined,
    ],
    ['nothing for a part of a host', { auths: { test: { auth: AUTH } } }, 'registry.test', undefined],
    ['nothing where a helper keeps it', { auths: { a: {} }, credsStore: 'pass' }, 'a', undefined],
  ])('finds %s', async (_title, document, host, expected) => {
    const text = JSON.stringify(document);
    const path = join(directory, 'config.json');
    await writeFile(path, text);
    for (const value of [text, path]) expect((await readDockerConfig(value)).basicFor(host)).toBe(expected);
  });

  it.each([
    ['{"auths": secret', 'Failed to parse docker config: expected JSON'],
    ['[]', 'Failed to parse docker config: expected an object'],
    [
      JSON.stringify({ auths: { 'registry.test': { auth: base64('secret') } } }),
      "Failed to parse docker config: expected 'auth' of 'registry.test' to be <user>:<password> in base64",
    ],
    ['/does/not/exist', "Failed to parse docker config '/does/not/exist': ENOENT: no such file or directory"],
  ])('refuses %j, without repeating it', async (value, why) => {
    const reading = readDockerConfig(value);
    await expect(reading).rejects.toThrow(why);
    await expect(reading).rejects.not.toThrow('secret');
  });
});
