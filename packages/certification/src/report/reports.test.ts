import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { isValid } from 'ctrf';
import { XMLParser } from 'fast-xml-parser';
import { beforeAll, describe, expect, it } from 'vitest';
import { CheckFailedError } from '../run/outcome.ts';
import { aCertification } from '../testing/certification.ts';
import type { CertificationResult } from './result-schema.ts';
import { writeReports } from './write-reports.ts';

describe('the reports of a run', () => {
  let result: CertificationResult;
  let files: Readonly<Record<string, string>>;

  beforeAll(async () => {
    await using certification = await aCertification();
    result = await certification.run({
      'X-001': async () => undefined,
      'X-002': async ({ plugin, measure, note }) => {
        measure('mountMs', 1.5);
        note('a note');
        await plugin.call('Plugin.Activate');
        throw new CheckFailedError({ expected: '<a> & "b"', got: 'a\u0000\u001Bb\nc' });
      },
      'Y-001': async () => {
        throw new Error('a bug');
      },
    });
    const directory = await mkdtemp(join(tmpdir(), 'reports-'));
    try {
      const paths = await writeReports(result, directory);
      const texts = await Promise.all(
        paths.map(async (path) => [path.slice(directory.length + 1), await readFile(path, 'utf8')]),
      );
      files = Object.fromEntries(texts);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('have the result, which its published schema describes', () => {
    const ajv = new Ajv2020({ allErrors: true, strict: true });
    const validate = ajv.compile(JSON.parse(files['result.schema.json'] ?? '') as object);
    const told = JSON.parse(files['result.json'] ?? '') as object;
    expect(validate(told), JSON.stringify(validate.errors)).toBe(true);
    expect(told).toEqual(JSON.parse(JSON.stringify(result)));
    expect(validate({ ...told, more: 1 })).toBe(false);
  });

  it('have the schema that is published', async () => {
    const published = '../../../../docs/schemas/certification-result.schema.json';
    await expect(files['result.schema.json']).toMatchFileSnapshot(published);
  });

  it('have junit.xml with a suite for each group', () => {
    const parser = new XMLParser({
      ignoreAttributes: false,
      attributeNamePrefix: '',
      isArray: (name) => name === 'testcase' || name === 'testsuite',
    });
    const { testsuites } = parser.parse(files['junit.xml'] ?? '') as {
      testsuites: {
        tests: string;
        failures: string;
        errors: string;
        testsuite: { name: string; testcase: { failure?: { message: string } }[] }[];
      };
    };
    expect(testsuites).toMatchObject({ tests: '3', failures: '1', errors: '1' });
    expect(testsuites.testsuite.map(({ name, testcase }) => [name, testcase.length])).toEqual([
      ['X', 2],
      ['Y', 1],
    ]);
    expect(testsuites.testsuite[0]?.testcase[1]?.failure?.message).toContain('<a> & "b"');
    // oxlint-disable-next-line no-control-regex -- XML 1.0 has no way to write these
    expect(files['junit.xml']).not.toMatch(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/);
  });

  it('have ctrf.json, valid by the schema of CTRF', () => {
    const told = JSON.parse(files['ctrf.json'] ?? '') as {
      results: { summary: object; tests: { rawStatus: string }[] };
    };
    expect(isValid(told)).toBe(true);
    expect(told.results.summary).toMatchObject({ tests: 3, passed: 1, failed: 1, other: 1 });
    expect(told.results.tests.map(({ rawStatus }) => rawStatus)).toEqual(['pass', 'fail', 'error']);
  });
});
