import { describe, expect, it } from 'vitest';
import { platformText, selectPlatform, thisPlatform } from './platform.ts';

const manifest = (os: string, architecture: string, variant?: string): Record<string, unknown> => ({
  platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
});
const arm = { architecture: 'arm', variants: ['v7', 'v6', 'v5', undefined] };
const arm64 = { architecture: 'arm64', variants: ['v8', undefined] };
const amd64 = { architecture: 'amd64', variants: [undefined, 'v1'] };

describe('selectPlatform', () => {
  const all = [
    manifest('windows', 'amd64'),
    manifest('linux', 'amd64', 'v3'),
    manifest('linux', 'amd64'),
    manifest('linux', 'arm', 'v5'),
    manifest('linux', 'arm', 'v8'),
    manifest('linux', 'arm', 'v6'),
    manifest('linux', 'arm64', ''),
    manifest('unknown', 'unknown'),
    {},
  ];

  it.each([
    ['the plain one where it is there', amd64, 'linux/amd64'],
    ['the newest that the processor can run', arm, 'linux/arm/v6'],
    ['one without a variant', arm64, 'linux/arm64'],
  ])('takes %s', (_title, ours, expected) => {
    const { platform } = selectPlatform(all, ours) ?? {};
    expect(platformText(platform as Record<string, unknown>)).toBe(expected);
  });

  it('takes none that this machine cannot run', () => {
    expect(selectPlatform(all, { architecture: 's390x', variants: [undefined] })).toBeUndefined();
    expect(selectPlatform([manifest('linux', 'amd64', 'v3')], amd64)).toBeUndefined();
  });

  it('knows this machine by the name that images use', () => {
    expect(thisPlatform().architecture).toBe(process.arch === 'x64' ? 'amd64' : process.arch);
  });
});
