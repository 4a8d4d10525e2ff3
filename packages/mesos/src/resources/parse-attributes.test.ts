import { describe, expect, it } from 'vitest';
import { parseAttributes } from './parse-attributes.ts';
import { attributesToState } from './resources.ts';

describe('parseAttributes', () => {
  it.each([
    ['', {}],
    ['rack:r1', { rack: 'r1' }],
    ['rack:r1;zone:z2;', { rack: 'r1', zone: 'z2' }],
    ['rack:r1\nlevel:10', { rack: 'r1', level: 10 }],
    [' rack : r 1 ;level:-1.5', { rack: 'r 1', level: -1.5 }],
    ['url:http://host:80/', { url: 'http://host:80/' }],
    ['slots:[1-3, 5-5]', { slots: '[1-3, 5-5]' }],
    ['version:1.2.3', { version: '1.2.3' }],
  ])('reads %j as %j', (text, state) => {
    expect(attributesToState(parseAttributes(text))).toEqual(state);
  });

  it.each([
    ['rack', "Invalid attribute key:value pair 'rack'"],
    ['rack:', "Invalid attribute key:value pair 'rack:'"],
    [':r1', "Invalid attribute key:value pair ':r1'"],
    ['disks:{a,b}', "Bad type for attribute 'disks' with text '{a,b}'"],
    ['slots:[1', 'Failed to parse attribute slots text [1 error Mismatched brackets'],
    ['slots:[3-1]', "Failed to parse attribute slots text [3-1] error Expecting a range (e.g., '[1-10]') in '3-1'"],
  ])('refuses %j', (text, why) => {
    expect(() => parseAttributes(text)).toThrow(why);
  });
});
