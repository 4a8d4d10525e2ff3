/**
 * Fills Go structs from JSON as encoding/json does: keys in any case, unknown keys ignored, a repeated key fills the same
 * field again, `null` leaves a field as it is, and a value of another type is an error that does not hide later ones.
 */
import { PluginReplyError } from '../errors.ts';
import { GoObject, type GoValue } from './go-json.ts';

/** Fills one kind of value: gives the new one from JSON and the old one. */
export interface GoType<T> {
  /** As Go names the type in messages. */
  readonly name: string;
  zero(): T;
  /** Reports a mismatch through `fail` and then gives what it could read. */
  fill(value: GoValue, old: T, fail: GoMismatch): T;
}

/** Told of a value that does not fit: what it is (`number into`), or a whole message, and what it was meant for. */
type GoMismatch = (problem: GoProblem) => void;

type GoProblem =
  | { readonly kind: string; readonly typeName: string; readonly field?: string }
  /** Of a type that reads its text itself. */
  | { readonly message: string };

/** The values of a struct's fields. */
type Filled<Fields> = { readonly [Name in keyof Fields]: Fields[Name] extends GoType<infer T> ? T : never };

/**
 * Fills `type` from a decoded value.
 * @throws PluginReplyError in Go's words, for the first value of a wrong type
 */
export function decodeInto<T>(value: GoValue, type: GoType<T>): T {
  let first: string | undefined;
  const filled = type.fill(value, type.zero(), (problem) => (first ??= toMessage(problem)));
  if (first !== undefined) throw new PluginReplyError(first);
  return filled;
}

function toMessage(problem: GoProblem): string {
  if ('message' in problem) return problem.message;
  const into = problem.field === undefined ? 'Go value' : `Go struct field ${problem.field}`;
  return `json: cannot unmarshal ${problem.kind} into ${into} of type ${problem.typeName}`;
}

export const goString: GoType<string> = {
  name: 'string',
  zero: () => '',
  fill(value, old, fail) {
    if (value === null) return old;
    if (typeof value === 'string') return value;
    fail({ kind: kindOf(value), typeName: 'string' });
    return old;
  },
};

export const goBool: GoType<boolean> = {
  name: 'bool',
  zero: () => false,
  fill(value, old, fail) {
    if (value === null) return old;
    if (typeof value === 'boolean') return value;
    fail({ kind: kindOf(value), typeName: 'bool' });
    return old;
  },
};

/** A moment as RFC 3339 has it; kept as it was written, `''` when none was given. */
export const goTime: GoType<string> = {
  name: 'time.Time',
  zero: () => '',
  fill(value, old, fail) {
    if (value === null) return old;
    if (typeof value === 'string' && isRfc3339(value)) return value;
    const text = JSON.stringify(JSON.stringify(typeof value === 'object' ? kindOf(value) : value));
    fail({ message: `parsing time ${text} as "\\"2006-01-02T15:04:05Z07:00\\""` });
    return old;
  },
};

function isRfc3339(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** Any value. */
export const goInterface: GoType<GoValue> = { name: 'interface {}', zero: () => null, fill: (value) => value };

/** `null` and absent are `[]`. */
export function goSlice<T>(element: GoType<T>): GoType<readonly T[]> {
  const name = `[]${element.name}`;
  return {
    name,
    zero: () => [],
    fill(value, old, fail) {
      if (value === null) return [];
      if (Array.isArray(value)) return value.map((item) => element.fill(item, element.zero(), fail));
      fail({ kind: kindOf(value), typeName: name });
      return old;
    },
  };
}

/** `null` and absent are an empty map; later keys are added to earlier ones. */
export function goMap<T>(element: GoType<T>): GoType<ReadonlyMap<string, T>> {
  const name = `map[string]${element.name}`;
  return {
    name,
    zero: () => new Map(),
    fill(value, old, fail) {
      if (value === null) return new Map();
      if (!(value instanceof GoObject)) {
        fail({ kind: kindOf(value), typeName: name });
        return old;
      }
      const filled = new Map(old);
      for (const [key, item] of value.entries) filled.set(key, element.fill(item, element.zero(), fail));
      return filled;
    },
  };
}

/** A pointer: undefined while nothing, or `null`, was given. */
export function goPointer<T>(to: GoType<T>): GoType<T | undefined> {
  return {
    name: `*${to.name}`,
    zero: () => undefined,
    fill: (value, old, fail) => (value === null ? undefined : to.fill(value, old ?? to.zero(), fail)),
  };
}

/** A struct; `name` is Go's, which messages show. */
export function goStruct<const Fields extends Readonly<Record<string, GoType<unknown>>>>(
  name: string,
  fields: Fields,
): GoType<Filled<Fields>> {
  const names = Object.keys(fields);
  // Made when it is first needed: a program that starts and ends needs few of the structs that it knows.
  let byFoldedName: ReadonlyMap<string, string> | undefined;
  return {
    name,
    // Each field has the type that its name says.
    zero: () => Object.fromEntries(names.map((field) => [field, fields[field]?.zero()])) as Filled<Fields>,
    fill(value, old, fail) {
      if (value === null) return old;
      if (!(value instanceof GoObject)) {
        fail({ kind: kindOf(value), typeName: name });
        return old;
      }
      byFoldedName ??= new Map(names.map((field) => [fold(field), field]));
      const filled: Record<string, unknown> = { ...old };
      for (const [key, item] of value.entries) {
        const field = byFoldedName.get(fold(key));
        if (field === undefined) continue;
        filled[field] = fields[field]?.fill(item, filled[field], (problem) =>
          fail({ field: `${name}.${field}`, ...problem }),
        );
      }
      return filled as Filled<Fields>;
    },
  };
}

/** Equal for names that Go takes for the same: also `ſ` and the Kelvin sign are letters of another case. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function kindOf(value: GoValue): string {
  if (Array.isArray(value)) return 'array';
  if (value instanceof GoObject) return 'object';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
