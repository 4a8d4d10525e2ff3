/** What a service sent, read without trust. */

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object; none of anything else. */
export function toFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** A text as it is; `''` for anything else. */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
