/** Bytes that came and are not read yet; many small pieces cost no more than a large one. */
export class ByteQueue {
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  push(piece: Buffer): void {
    if (this.length === 0) {
      this.#bytes = piece;
      this.#start = 0;
      this.#end = piece.length;
      return;
    }
    if (this.#end + piece.length > this.#bytes.length) {
      const grown = Buffer.alloc(2 * (this.length + piece.length));
      this.#bytes.copy(grown, 0, this.#start, this.#end);
      this.#end = this.length;
      this.#start = 0;
      this.#bytes = grown;
    }
    piece.copy(this.#bytes, this.#end);
    this.#end += piece.length;
  }

  /** All of them, valid until the next push. */
  peek(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  skip(count: number): void {
    this.#start += count;
  }
}
