/**
 * Hands over every record of a RecordIO answer until it ends, is cut, or `signal` aborts. Written against the format, not
 * with our decoder.
 */
export async function readRecords(
  response: Response,
  onRecord: (record: Buffer) => void,
  signal?: AbortSignal,
): Promise<void> {
  const reader = response.body?.getReader();
  signal?.addEventListener('abort', () => void reader?.cancel());
  let bytes = Buffer.alloc(0);
  for (;;) {
    const chunk = await reader?.read().catch(() => undefined); // The stream was cut: the same as its end here.
    if (chunk?.value === undefined) return;
    bytes = Buffer.concat([bytes, chunk.value]);
    for (let newline = bytes.indexOf('\n'); newline >= 0; newline = bytes.indexOf('\n')) {
      const end = newline + 1 + Number(bytes.toString('utf8', 0, newline));
      if (bytes.length < end) break;
      onRecord(bytes.subarray(newline + 1, end));
      bytes = bytes.subarray(end);
    }
  }
}
