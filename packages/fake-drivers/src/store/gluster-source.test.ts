import { describe, expect, it } from 'vitest';
import { toGlusterSource } from './gluster-source.ts';

describe('toGlusterSource', () => {
  it.each([
    ['gv0', ['10.99.0.1'], '10.99.0.1:/gv0'],
    ['my_vol-1', ['a.example', 'b'], 'a.example,b:/my_vol-1'],
  ])('takes %j as a volume of %j', (name, servers, source) => {
    expect(toGlusterSource(name, servers)).toBe(source);
  });

  it.each([
    ['host:gv0', 'host:/gv0'],
    ['host:/gv0', 'host:/gv0'],
    ['a,b.example,10.99.0.1:gv0', 'a,b.example,10.99.0.1:/gv0'],
    ['host:gv0/some/d.ir', 'host:/gv0/some/d.ir'],
  ])('takes the voluri %j', (voluri, source) => {
    expect(toGlusterSource(voluri)).toBe(source);
  });

  it.each(['', 'gv0/dir', 'a b', 'gv0 --log-file=/etc/passwd', '-o', 'gv*', 'host:gv0', '../gv0', 'a,ro', 'a\nb'])(
    'refuses %j as the name of a volume',
    (name) => {
      expect(() => toGlusterSource(name, ['host'])).toThrow(
        `Expected the name of a gluster volume (letters, digits, _ and -), got '${name}'`,
      );
    },
  );

  it.each([
    '',
    'gv0',
    ':gv0',
    'host:',
    'host:/',
    'a,:gv0',
    '-s:gv0',
    'a b:gv0',
    'a:b:gv0',
    'host:gv0 -o',
    'host:-gv0',
    'host:gv0/',
    'host:gv0/../gv1',
    'host:gv0/a b',
    'host:gv0/*',
    'host:gv0/a,ro',
    'host:gv0/$(id)',
  ])('refuses the voluri %j', (voluri) => {
    expect(() => toGlusterSource(voluri)).toThrow(
      `Expected voluri to be HOST[,HOST...]:VOLUME[/DIRECTORY], got '${voluri}'`,
    );
  });
});
