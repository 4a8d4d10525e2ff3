import { DomainError } from '@drydock/base/errors';

/** A size is not a number; the message is in Go's words. */
export class BadSizeError extends DomainError<'BAD_SIZE'> {
  readonly code = 'BAD_SIZE';
}

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes of convoy's size text: a number of bytes, or one that ends in K, M or G. `''` is 0. @throws BadSizeError */
export function parseSizeBytes(text: string): number {
  if (text === '') return 0;
  const [, digits, unit = ''] = /^(\d{1,12})([kKmMgG]?)$/.exec(text) ?? [];
  const bytes = Number(digits) * (UNIT_BYTES[unit.toLowerCase()] ?? Number.NaN);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new BadSizeError(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}
