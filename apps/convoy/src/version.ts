import type { ConvoyVersion } from './command-line.ts';

/** The releases that are spoken. */
export const convoyVersions: Readonly<Record<ConvoyVersion, string>> = { '0.4': '0.4.3', '0.5': '0.5.2' };

/** What `--version` prints. */
export function versionLine(version: ConvoyVersion): string {
  return version === '0.4'
    ? `convoy version ${convoyVersions[version]}\n`
    : `Convoy version v${convoyVersions[version]}\n`;
}
