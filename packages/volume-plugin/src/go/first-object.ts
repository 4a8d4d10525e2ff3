/** Notices, in bytes that come in pieces, where the first JSON object or array ends. */
export class FirstObject {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #state: 'before' | 'inside' | 'ended' | 'none' = 'before';

  /** Takes the next bytes; true once the object is whole. Whether it is JSON is for others to say. */
  push(bytes: Uint8Array): boolean {
    for (let index = 0; index < bytes.length && this.#state !== 'ended' && this.#state !== 'none'; index++) {
      this.#step(bytes[index] ?? 0);
    }
    return this.#state === 'ended';
  }

  #step(byte: number): void {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === 0x5c) this.#isEscaped = true;
      else if (byte === 0x22) this.#isInString = false;
      return;
    }
    const isOpening = byte === 0x7b || byte === 0x5b;
    if (this.#state === 'before') {
      if (isOpening) this.#state = 'inside';
      else if (byte > 0x20) this.#state = 'none'; // a scalar or no JSON: its end is the body's end
    }
    if (byte === 0x22) this.#isInString = this.#state === 'inside';
    else if (isOpening) this.#depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      this.#depth--;
      if (this.#depth <= 0 && this.#state === 'inside') this.#state = 'ended';
    }
  }
}
