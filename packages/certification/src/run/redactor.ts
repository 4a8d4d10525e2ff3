/** Keeps the secrets of a manifest out of everything that is written. */

/** Stands in the place of a secret. */
export const SECRET_MARK = '[secret]';

/** As encoders of Go (`<`, `>`, `&`) and Python (all that is not ASCII) write a text in JSON, which JavaScript does not. */
function jsonWith(text: string, escaped: RegExp): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(escaped, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Replaces secrets, also as JSON, URLs and base64 write them. */
export class Redactor {
  readonly #needles: readonly string[];

  constructor(secrets: readonly string[]) {
    const forms = secrets.flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      JSON.stringify(JSON.stringify(secret)).slice(3, -3),
      ...[/[<>&\u2028\u2029]/g, /[^\u0020-\u007E]/g].flatMap((escaped) => {
        const json = jsonWith(secret, escaped);
        return [json, JSON.stringify(json).slice(1, -1)];
      }),
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
      Buffer.from(secret).toString('base64url'),
      Buffer.from(secret).toString('hex'),
    ]);
    // Longest first: a part of a secret must not hide the rest of it.
    this.#needles = [...new Set(forms)].filter((form) => form !== '').sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    let clean = text;
    for (const needle of this.#needles) clean = clean.replaceAll(needle, SECRET_MARK);
    return clean;
  }

  /** Whether a secret is in it. */
  holds(text: string): boolean {
    return this.#needles.some((needle) => text.includes(needle));
  }

  /** A copy in which every text, also every key, is clean. */
  redact<T>(value: T): T {
    if (this.#needles.length === 0) return value;
    return this.#copy(value) as T; // the same shape: only texts change
  }

  #copy(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.#copy(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.#copy(item)]));
  }
}
