import { describe, expect, it } from 'vitest';
import { draftManifest } from './draft-manifest.ts';
import { ManifestError, parseManifest } from './parse-manifest.ts';

const least = 'name: convoy\nvendor: Rancher\nversion: 0.5.2\nscope: local\n';

function problemsOf(yaml: string): readonly string[] {
  try {
    parseManifest(yaml, 'driver.yaml');
  } catch (error) {
    if (error instanceof ManifestError) return error.problems;
    throw error;
  }
  return [];
}

describe('a manifest', () => {
  it('has a default for all that need not be said', () => {
    expect(parseManifest(least, 'driver.yaml')).toMatchObject({
      namespace: 'host',
      capabilities: { implicitCreate: true, xattr: false },
      options: { create: {}, required: [] },
      removePolicy: 'delete',
      budgets: { callMs: 10_000, mountMs: 30_000 },
    });
  });

  it.each([
    ['an unknown field', `${least}scopes: local\n`, ['line 5: scopes: unknown field']],
    ['an unknown field deeper down', `${least}options: {creat: {}}\n`, ['line 5: options.creat: unknown field']],
    ['a value of another type', least.replace('convoy', '5'), ['line 1: name: expected string, got 5 (number)']],
    ['a value out of the set', least.replace('local', 'here'), ['line 4: scope: expected local or global, got "here"']],
    [
      'what is missing',
      'name: convoy\nscope: local\n',
      ['vendor: expected string, got nothing', 'version: expected string, got nothing'],
    ],
    [
      'a relative path',
      `${least}socket: run/x.sock\n`,
      ['line 5: socket: expected an absolute path, got "run/x.sock"'],
    ],
    ['a key twice', `${least}scope: global\n`, [expect.stringContaining('Map keys must be unique')]],
    ['no YAML', 'name: [', [expect.stringContaining('Flow sequence')]],
    [
      'a secret that is too short to be kept out of texts',
      `${least}options: {create: {key: {value: abc, secret: true}}}\n`,
      [expect.stringContaining('options.create.key.value: Too small')],
    ],
    ['an unknown way to restart', `${least}restart: {unit: x}\n`, ['line 5: restart.unit: unknown field']],
  ])('is refused with %s, told where it is', (_, yaml, problems) => {
    expect(problemsOf(yaml)).toEqual(problems);
  });

  it.each([
    { tellsScope: true, hasGet: true, hasList: true },
    { tellsScope: false, hasGet: false, hasList: false, socket: '/run/x y.sock' },
  ])('that init wrote is one: %o', (facts) => {
    const draft = draftManifest({
      name: 'con: voy',
      address: 'unix:///x',
      isVolumeDriver: true,
      scope: 'global',
      ...facts,
    });
    expect(parseManifest(draft, 'driver.yaml')).toMatchObject({ name: 'con: voy', scope: 'global' });
  });
});
