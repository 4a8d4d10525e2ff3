import { DomainError } from '@drydock/base/errors';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { manifestSchema, type Manifest } from './manifest.ts';

/** The manifest cannot be used; `problems` has a line for each thing that is wrong. */
export class ManifestError extends DomainError<'BAD_MANIFEST'> {
  readonly code = 'BAD_MANIFEST';
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[]) {
    super(`${file} is no manifest of a driver:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/**
 * A manifest from the text of its file.
 * @param file for messages
 * @throws ManifestError with every problem: where, what was expected, what is there
 */
export function parseManifest(yaml: string, file: string): Manifest {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: true, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new ManifestError(
      file,
      document.errors.map(({ message }) => message.split('\n', 1)[0] ?? message),
    );
  }
  const value: unknown = document.toJS();
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => describe(issue, value));
  throw new ManifestError(
    file,
    problems.map(({ path, text }) => {
      const node: unknown = document.getIn(path, true);
      const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
      const start: unknown = Array.isArray(range) ? range[0] : undefined;
      const at = typeof start === 'number' ? `line ${lines.linePos(start).line}: ` : '';
      return `${at}${path.length === 0 ? '' : `${path.join('.')}: `}${text}`;
    }),
  );
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

function describe(issue: z.core.$ZodIssue, value: unknown): readonly Problem[] {
  const { path } = issue;
  const got = show(at(value, path));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], text: 'unknown field' }));
    case 'invalid_type':
      return [{ path, text: `expected ${nameOf(issue.expected)}, got ${got}` }];
    case 'invalid_value':
      return [{ path, text: `expected ${issue.values.map(String).join(' or ')}, got ${got}` }];
    case 'invalid_union': {
      // The alternative that comes nearest is the one that was meant.
      const nearest = [...issue.errors].sort((a, b) => depthOf(b) - depthOf(a))[0] ?? [];
      if (depthOf(nearest) === 0) return [{ path, text: `expected one of its forms (see certify init), got ${got}` }];
      return nearest
        .filter(
          ({ code }) => code === 'unrecognized_keys' || !nearest.some((other) => other.code === 'unrecognized_keys'),
        )
        .flatMap((inner) => describe({ ...inner, path: [...path, ...inner.path] }, value));
    }
    default:
      return [{ path, text: `${issue.message}, got ${got}` }];
  }
}

function depthOf(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map(({ path, code }) => path.length + (code === 'unrecognized_keys' ? 1 : 0)));
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const key of path) here = typeof here === 'object' && here !== null ? Reflect.get(here, key) : undefined;
  return here;
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return `${text.length > 60 ? `${text.slice(0, 60)}...` : text}${typeof value === 'string' ? '' : ` (${nameOf(Array.isArray(value) ? 'array' : typeof value)})`}`;
}

function nameOf(type: string): string {
  return { record: 'a map', object: 'a map', array: 'a list', tuple: 'a list', int: 'a whole number' }[type] ?? type;
}
