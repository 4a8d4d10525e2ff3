import { describe, expect, it } from 'vitest';
import { UsageError, parseFlags, usage } from './flags.ts';

const required = ['--master=10.0.0.1:5050', '--state_dir=/s'];

describe('parseFlags', () => {
  it('fills in the defaults', () => {
    expect(parseFlags(required)).toEqual({
      masters: ['10.0.0.1:5050'],
      stateDir: '/s',
      contentType: 'application/x-protobuf',
      driver: 'convoy',
      volume: 'myvolume',
      image: 'ubuntu:14.04',
      role: '*',
      failoverTimeoutSeconds: 604_800,
      isTornDown: false,
      isJson: false,
    });
  });

  it('takes everything', () => {
    const more =
      '--content_type=json --driver=d --volume=v --image=i --role=r --failover_timeout=0.5 --teardown --json';
    const argv = ['--master=a:1, [::1]:2,http://c/', '--state_dir', 's', ...more.split(' ')];
    expect(parseFlags(argv)).toEqual({
      masters: ['a:1', '[::1]:2', 'http://c/'],
      stateDir: 's',
      contentType: 'application/json',
      driver: 'd',
      volume: 'v',
      image: 'i',
      role: 'r',
      failoverTimeoutSeconds: 0.5,
      isTornDown: true,
      isJson: true,
    });
  });

  it('tells all that is wrong at once', () => {
    const argv = ['--master=a:1,b', '--content_type=xml', '--failover_timeout=1weeks', '--driver='];
    expect(() => parseFlags(argv)).toThrow(
      new UsageError(
        [
          "Expected --master to be HOST:PORT, or several with commas between them, got 'b'",
          'Expected --state_dir=DIR, a directory to keep the framework id in',
          "Expected --content_type to be json or protobuf, got 'xml'",
          "Expected --failover_timeout to be a number of seconds from 0, got '1weeks'",
          'Expected --driver not to be empty',
        ].join('\n'),
      ),
    );
  });

  it.each([
    [['--state_dir=s'], 'Expected --master=HOST:PORT, the address of at least one master'],
    [['--master=', '--state_dir=s'], 'Expected --master=HOST:PORT, the address of at least one master'],
    [[...required, '--failover_timeout=-1'], "number of seconds from 0, got '-1'"],
    [[...required, '--failover_timeout='], "number of seconds from 0, got ''"],
    [[...required, '--failover_timeout=Infinity'], "number of seconds from 0, got 'Infinity'"],
    [[...required, '--nope'], '--nope'],
    [[...required, 'word'], 'word'],
    [[...required, '--json=no'], '--json'],
  ])('refuses %j', (argv, why) => {
    expect(() => parseFlags(argv)).toThrow(UsageError);
    expect(() => parseFlags(argv)).toThrow(why);
  });

  it('gives help whatever else is there', () => {
    expect(parseFlags(['--help'])).toBe('help');
    expect(usage()).toContain('--state_dir=DIR');
    expect(usage()).toContain('(default ubuntu:14.04)');
  });
});
