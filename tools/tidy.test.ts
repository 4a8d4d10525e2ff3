/** House rules that a tool can check. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FIXTURE_BYTES_MAX = 256 * 1024;

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && statSync(join(ROOT, path), { throwIfNoEntry: false }) !== undefined);
const sources = tracked.filter((path) => /\.(ts|mjs|js)$/.test(path) && !path.startsWith('fixtures/'));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** `path:line` of every match. */
function find(paths: readonly string[], pattern: RegExp): readonly string[] {
  return paths.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  );
}

describe('the repository', () => {
  it('has no exclusive, skipped or planned tests', () => {
    const tests = sources.filter((path) => path.endsWith('.test.ts') && path !== 'tools/tidy.test.ts');
    expect(find(tests, /\b(it|test|describe)\.(only|skip|todo)\b/)).toEqual([]);
  });

  it('has no type holes', () => {
    const holes = find(sources, /@ts-(ignore|nocheck|expect-error)|\bas any\b/);
    expect(holes.filter((place) => !place.startsWith('tools/tidy.test.ts'))).toEqual([]);
  });

  it('has no open ends in its code', () => {
    const open = find(sources, /\b(TODO|FIXME|XXX|HACK)\b/);
    expect(open.filter((place) => !place.startsWith('tools/tidy.test.ts'))).toEqual([]);
  });

  it('has files of at most 400 lines', () => {
    expect(sources.filter((path) => read(path).split('\n').length > 401)).toEqual([]);
  });

  it('has small fixtures', () => {
    const large = tracked.filter(
      (path) => path.startsWith('fixtures/') && statSync(join(ROOT, path)).size > FIXTURE_BYTES_MAX,
    );
    expect(large).toEqual([]);
  });

  it('has a lock file without download addresses', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "https?:/);
  });

  it('has a lock entry for every optional dependency, so that npm ci works wherever the lock is used', () => {
    const lock = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
      ),
    );
    expect(missing).toEqual([]);
  });

  it('pins every dependency exactly', () => {
    const manifests = tracked.filter((path) => path.endsWith('package.json'));
    const loose = manifests.flatMap((path) => {
      const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read(path)) as Record<
        string,
        Record<string, string> | undefined
      >;
      return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
        .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
        .map(([name]) => `${path}: ${name}`);
    });
    expect(loose).toEqual([]);
  });

  it('numbers its decisions without a gap', () => {
    const numbers = tracked.filter((path) => path.startsWith('docs/adr/')).map((path) => Number(path.slice(9, 13)));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1));
  });

  it('has a README in every room', () => {
    const rooms = tracked
      .filter((path) => /^(packages|apps)\/[^/]+\/package\.json$/.test(path))
      .map((path) => path.slice(0, -13));
    expect(rooms.filter((room) => !tracked.includes(`${room}/README.md`))).toEqual([]);
  });
});

describe('docs/deviations.md', () => {
  const WEAKNESSES = "## Upstream's known weaknesses";
  const [deviations = '', weaknesses = ''] = read('docs/deviations.md').split(WEAKNESSES);
  const rowsOf = (text: string, isRow: RegExp): readonly (readonly string[])[] =>
    text
      .split('\n')
      .filter((line) => isRow.test(line))
      .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '').trim()));
  const rows = rowsOf(deviations, /^\| `/);
  const weaknessRows = rowsOf(weaknesses, /^\| (?!weakness |-)/);

  it('has a row for every DEVIATION comment, and no other', () => {
    const marked = sources
      .filter((path) => path !== 'tools/tidy.test.ts')
      .flatMap((path) => [...read(path).matchAll(/DEVIATION:/g)].map(() => path));
    const listed = rows.map(([where = '']) => where.replaceAll('`', ''));
    expect(listed.toSorted()).toEqual(marked.toSorted());
  });

  it('names a test that exists in every row', () => {
    const titles = sources
      .filter((path) => path.endsWith('.test.ts'))
      .map(read)
      .join('\n');
    const unknown = [...rows, ...weaknessRows]
      .map((cells) => cells.at(-1) ?? '')
      .filter((title) => !titles.includes(title.replaceAll('\\|', '|')));
    expect(unknown).toEqual([]);
  });

  it('says of every known weakness of upstream once what it is, what is done about it, and which test holds that', () => {
    const names = weaknessRows.map(([name = '']) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(30);
    const incomplete = weaknessRows.filter((cells) => cells.length !== 4 || cells.includes(''));
    expect(incomplete).toEqual([]);
  });
});
