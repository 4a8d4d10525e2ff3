import { describe, expect, it } from 'vitest';
import { parseChallenges } from './challenge.ts';

describe('parseChallenges', () => {
  it.each([
    ['Basic realm="x"', [{ scheme: 'basic', parameters: { realm: 'x' } }]],
    [
      'Bearer realm="https://a.test/token?x=1,2", Service=registry.test ,scope="repository:a/b:pull,push"',
      [
        {
          scheme: 'bearer',
          parameters: {
            realm: 'https://a.test/token?x=1,2',
            service: 'registry.test',
            scope: 'repository:a/b:pull,push',
          },
        },
      ],
    ],
    [
      'BEARER realm="a \\"b\\"",Basic realm=c',
      [
        { scheme: 'bearer', parameters: { realm: 'a "b"' } },
        { scheme: 'basic', parameters: { realm: 'c' } },
      ],
    ],
    ['Negotiate', [{ scheme: 'negotiate', parameters: {} }]],
    ['realm="x"', []],
    ['', []],
  ])('reads %s', (header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
  });
});
