/**
 * Which of an image's manifests is for this machine.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-index.md
 */
import { endianness } from 'node:os';
import { asRecord, asText } from './loose-json.ts';

/** The names of Go, which images use. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', mipsel: 'mipsle' };

export interface Platform {
  readonly architecture: string;
  /** The best first; undefined is a manifest that names none. */
  readonly variants: readonly (string | undefined)[];
}

export function thisPlatform(): Platform {
  const { arch } = process;
  if (arch === 'ppc64') return { architecture: endianness() === 'LE' ? 'ppc64le' : 'ppc64', variants: [undefined] };
  if (arch === 'arm64') return { architecture: 'arm64', variants: ['v8', undefined] };
  if (arch !== 'arm') return { architecture: ARCHITECTURES[arch] ?? arch, variants: [undefined, 'v1'] };
  // Node's build says for which version of ARM it is; an older one runs on a newer processor.
  const version = Number(asText(asRecord(process.config.variables)['arm_version']) ?? '7');
  const versions = [8, 7, 6, 5].filter((it) => it <= version).map((it) => `v${it}`);
  return { architecture: 'arm', variants: [...versions, undefined] };
}

/** `linux/arm64/v8`: as people write platforms. */
export function platformText({ os, architecture, variant }: Readonly<Record<string, unknown>>): string {
  return [os, architecture, variant].filter((part) => typeof part === 'string' && part !== '').join('/');
}

/** The one of `manifests`, descriptors with a `platform`, that suits best, or undefined. */
export function selectPlatform(
  manifests: readonly Readonly<Record<string, unknown>>[],
  { architecture, variants }: Platform = thisPlatform(),
): Readonly<Record<string, unknown>> | undefined {
  const candidates = manifests.filter(({ platform }) => {
    const ours = asRecord(platform);
    return ours['os'] === 'linux' && ours['architecture'] === architecture;
  });
  for (const wanted of variants) {
    const found = candidates.find(({ platform }) => (asText(asRecord(platform)['variant']) || undefined) === wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}
