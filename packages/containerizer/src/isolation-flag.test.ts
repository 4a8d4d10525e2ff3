import { describe, expect, it } from 'vitest';
import { parseIsolation } from './isolation-flag.ts';

describe('parseIsolation', () => {
  it('orders the isolators by the table, not by the flag', () => {
    expect(parseIsolation('docker/volume,docker/runtime,filesystem/linux', 'docker')).toMatchObject({
      isolators: ['filesystem/linux', 'docker/runtime', 'docker/volume'],
      hasDockerImages: true,
    });
  });

  it('adds filesystem/posix when no file system isolator is named', () => {
    expect(parseIsolation('posix/cpu,posix/mem', undefined)).toMatchObject({
      isolators: ['filesystem/posix', 'posix/cpu', 'posix/mem'],
      hasDockerImages: false,
    });
  });

  it.each([
    ['posix/cpu,posix/cpu', undefined, "Duplicate entries found in --isolation flag 'posix/cpu,posix/cpu'"],
    [
      'filesystem/linux,filesystem/posix',
      undefined,
      'Using multiple filesystem isolators simultaneously is disallowed',
    ],
    ['posix/cpu', 'docker', "The 'filesystem/linux' isolator must be enabled for container image support"],
    ['gpu/nvidia', undefined, "Unknown or unsupported isolator 'gpu/nvidia'"],
    ['filesystem/linux', 'appc', "Unknown or unsupported image provider 'appc'"],
    ['docker/volume', undefined, "The 'docker/volume' isolator requires the 'filesystem/linux' isolator"],
  ])('refuses %s with image providers %s', (isolation, providers, problem) => {
    expect(parseIsolation(isolation, providers)).toEqual({ problem });
  });
});
