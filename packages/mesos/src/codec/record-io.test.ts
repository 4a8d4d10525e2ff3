import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordDecoder, RecordIoError, encodeRecord } from './record-io.ts';

const textsOf = (records: readonly Uint8Array[]): string[] => records.map((record) => Buffer.from(record).toString());

describe('RecordDecoder', () => {
  it('gives the records back however the stream is cut', () => {
    const records = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(records, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sent, sizes) => {
        const stream = Buffer.concat(sent.map((record) => encodeRecord(record)));
        const decoder = new RecordDecoder();
        const received: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          received.push(...decoder.push(stream.subarray(at, at + size)));
          at += size;
        }
        decoder.end();
        expect(received.map((record) => [...record])).toEqual(sent.map((record) => [...record]));
      }),
    );
  });

  it('counts bytes, not characters', () => {
    expect(encodeRecord(Buffer.from('ü')).toString()).toBe('2\nü');
  });

  it('does not keep the memory of a chunk that the caller uses again', () => {
    const decoder = new RecordDecoder();
    const chunk = Buffer.from('2\nab');
    const [record] = decoder.push(chunk);
    chunk.fill(0);
    expect(textsOf(record === undefined ? [] : [record])).toEqual(['ab']);
  });

  it('takes a record of the longest length and refuses one more byte', () => {
    expect(textsOf(new RecordDecoder({ recordBytesMax: 4 }).push(Buffer.from('4\nabcd')))).toEqual(['abcd']);
    expect(() => new RecordDecoder({ recordBytesMax: 4 }).push(Buffer.from('5\n'))).toThrow(
      new RecordIoError('Expected a record of at most 4 bytes, got 5'),
    );
  });

  it.each(['-1\n', 'x', '\n', '1.5\n', '0x1\n', '1 \n', '{"type":"HEARTBEAT"}'])('refuses the header %j', (header) => {
    expect(() => new RecordDecoder().push(Buffer.from(header))).toThrow(RecordIoError);
  });

  it('refuses an endless header before it fills the memory', () => {
    const decoder = new RecordDecoder();
    expect(() => {
      for (let count = 0; count < 30; count += 1) decoder.push(Buffer.from('1'));
    }).toThrow(RecordIoError);
    expect(() => new RecordDecoder().push(Buffer.from('1'.repeat(21)))).toThrow(RecordIoError);
  });

  it.each(['1', '3\nab', '3\n'])('says that the stream ended inside a record after %j', (part) => {
    const decoder = new RecordDecoder();
    decoder.push(Buffer.from(part));
    expect(() => decoder.end()).toThrow('Expected a whole record, the stream ended inside one');
  });
});
