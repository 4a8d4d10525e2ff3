/** The text is not JSON; the message is in the words of Go's decoder. */
export class GoJsonError extends Error {
  override readonly name = 'GoJsonError';
}

const ESCAPES: Readonly<Record<number, string>> = {
  7: 'a',
  8: 'b',
  9: 't',
  10: 'n',
  11: 'v',
  12: 'f',
  13: 'r',
  92: '\\',
};

/** Go quotes the first byte of a character as if it were one: a byte order mark is `'ï'`. */
export function goQuotedByte(character: string): string {
  const byte = Buffer.from(character.slice(0, 2), 'utf8')[0] ?? 0;
  if (byte === 0x27) return "'\\''";
  const escape = ESCAPES[byte];
  if (escape !== undefined) return `'\\${escape}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`;
  const isPrintable = byte < 0x7f || (byte > 0xa0 && byte !== 0xad);
  return isPrintable ? `'${String.fromCharCode(byte)}'` : `'\\u00${byte.toString(16)}'`;
}
