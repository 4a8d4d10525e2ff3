/** Changes to messages that were good. */
import fc from 'fast-check';

type Json = Record<string, unknown>;

/** `json` with one of its values, at any depth, replaced or removed. */
export function mutatedJson(json: Json): fc.Arbitrary<string> {
  const paths = pathsOf(json);
  const replacement = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>(
      null,
      [],
      {},
      '',
      -1,
      0.5,
      2 ** 31,
      2 ** 32,
      2 ** 53,
      2 ** 63,
      -(2 ** 63),
      1e308,
      '\u0000',
      '../..',
      'x'.repeat(4096),
      '__proto__',
      { __proto__: null, constructor: 1 },
    ),
    fc.constant(undefined),
  );
  return fc
    .tuple(fc.constantFrom(...paths), replacement)
    .map(([path, value]) => JSON.stringify(replaced(json, path, value)));
}

/** `bytes` with some bits turned, cut, or with other bytes in between. */
export function mutatedBytes(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat(Math.max(0, bytes.byteLength - 1));
  const flips = fc.array(fc.tuple(at, fc.nat(7)), { minLength: 1, maxLength: 4 }).map((places) => {
    const copy = Uint8Array.from(bytes);
    for (const [place, bit] of places) copy[place] = (copy[place] ?? 0) ^ (1 << bit);
    return copy;
  });
  const insertion = fc
    .tuple(at, fc.uint8Array({ minLength: 1, maxLength: 16 }))
    .map(([place, more]) => Buffer.concat([bytes.subarray(0, place), more, bytes.subarray(place)]));
  return fc.oneof(
    flips,
    insertion,
    at.map((place) => bytes.subarray(0, place)),
    fc.uint8Array({ maxLength: 256 }),
  );
}

type Path = readonly (string | number)[];

function pathsOf(value: unknown, prefix: Path = []): Path[] {
  const own = prefix.length === 0 ? [] : [prefix];
  if (typeof value !== 'object' || value === null) return own;
  return [...own, ...Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...prefix, key]))];
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === key ? replaced(item, rest, by) : item));
  const object = value as Json;
  return { ...object, [key]: replaced(object[key], rest, by) };
}
