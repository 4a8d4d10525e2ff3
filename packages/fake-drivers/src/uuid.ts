import { createHash } from 'node:crypto';

/** 32 hex digits in the form of a UUID of version 4. */
export function toUuid(hex: string): string {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

/** The same UUID for the same text. */
export function uuidOf(text: string): string {
  return toUuid(createHash('sha256').update(text).digest('hex'));
}
