/** What is wrong with the shape of an answer, as Go's clients read it; undefined when nothing is. */
import { isObject } from '../wire/bare-plugin.ts';

type Json = Readonly<Record<string, unknown>>;

/** The body of a success: one JSON object and white space. */
export function bodyProblem(text: string): string | undefined {
  if (text.startsWith('\uFEFF')) return 'a byte order mark';
  if (text.trim() === '') return 'no body';
  try {
    return isObject(JSON.parse(text)) ? undefined : 'JSON, but no object';
  } catch {
    return 'no JSON'; // or JSON and more
  }
}

/** The types of the known fields. Go takes `null` for the zero value of any type. */
export function typeProblem(answer: Json): string | undefined {
  const { Volume, Volumes, Implements, Capabilities } = answer;
  return (
    notOf('string', answer, 'Mountpoint') ??
    notOf('string', answer, 'Err') ??
    notOf('array', answer, 'Implements', Implements) ??
    notOf('object', answer, 'Capabilities', Capabilities) ??
    notOf('object', answer, 'Volume', Volume) ??
    (isObject(Volume) ? volumeProblem(Volume, 'Volume') : undefined) ??
    notOf('array', answer, 'Volumes', Volumes) ??
    (Array.isArray(Volumes) ? firstOf(Volumes, (one, at) => volumeProblem(one, `Volumes[${at}]`)) : undefined)
  );
}

/** RFC 3339 as Go's time.Time reads it. */
export function createdAtProblem(answer: Json): string | undefined {
  const { Volume, Volumes } = answer;
  const all: readonly unknown[] = [Volume, ...(Array.isArray(Volumes) ? (Volumes as readonly unknown[]) : [])];
  return firstOf(all, (volume) => {
    if (!isObject(volume) || volume['CreatedAt'] === undefined || volume['CreatedAt'] === null) return undefined;
    const told = volume['CreatedAt'];
    const isTime =
      typeof told === 'string' &&
      /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(told) &&
      !Number.isNaN(Date.parse(told));
    return isTime ? undefined : `CreatedAt ${JSON.stringify(told)}`;
  });
}

function volumeProblem(volume: unknown, place: string): string | undefined {
  if (!isObject(volume)) return `${place} is ${typeOf(volume)}, not an object`;
  return (
    notOf('string', volume, 'Name', volume['Name'], place) ??
    notOf('string', volume, 'Mountpoint', volume['Mountpoint'], place) ??
    notOf('object', volume, 'Status', volume['Status'], place)
  );
}

function notOf(
  type: 'string' | 'object' | 'array',
  owner: Json,
  field: string,
  value: unknown = owner[field],
  place = '',
): string | undefined {
  if (value === undefined || value === null || typeOf(value) === type) return undefined;
  return `${place === '' ? '' : `${place}.`}${field} is ${typeOf(value)}, not ${type}`;
}

function typeOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

function firstOf<T>(all: readonly T[], problemOf: (one: T, at: number) => string | undefined): string | undefined {
  for (const [at, one] of all.entries()) {
    const problem = problemOf(one, at);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
