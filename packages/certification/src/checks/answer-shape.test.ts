import { describe, expect, it } from 'vitest';
import { bodyProblem, createdAtProblem, typeProblem } from './answer-shape.ts';

describe('the shape of an answer', () => {
  it.each([
    ['{}', undefined],
    ['{"Err":""}\n', undefined],
    ['\t{\n}', undefined],
    ['', 'no body'],
    ['\uFEFF{}', 'a byte order mark'],
    ['[]', 'JSON, but no object'],
    ['{} {}', 'no JSON'],
    ['<html>', 'no JSON'],
  ])('takes %j for %s', (text, problem) => {
    expect(bodyProblem(text)).toBe(problem);
  });

  it.each([
    [{ Mountpoint: '/x', Err: null }, undefined],
    [{ Mountpoint: 5 }, 'Mountpoint is number, not string'],
    [{ Err: {} }, 'Err is object, not string'],
    [{ Volume: null }, undefined],
    [{ Volume: { Name: 'v', Mountpoint: '', Status: {} } }, undefined],
    [{ Volume: { Name: 1 } }, 'Volume.Name is number, not string'],
    [{ Volume: { Status: [] } }, 'Volume.Status is array, not object'],
    [{ Volumes: {} }, 'Volumes is object, not array'],
    [{ Volumes: [{ Name: 'v' }, null] }, 'Volumes[1] is null, not an object'],
    [{ Implements: 'VolumeDriver' }, 'Implements is string, not array'],
  ])('finds in %j: %s', (answer, problem) => {
    expect(typeProblem(answer)).toBe(problem);
  });

  it.each([
    ['2016-04-01T12:00:00Z', true],
    ['2016-04-01T12:00:00.123456789+02:00', true],
    ['', false],
    ['2016-04-01 12:00:00', false],
    ['2016-13-01T12:00:00Z', false],
    [1_459_512_000, false],
  ])('takes CreatedAt %j: %s', (CreatedAt, isTaken) => {
    expect(createdAtProblem({ Volume: { CreatedAt } }) === undefined).toBe(isTaken);
    expect(createdAtProblem({ Volumes: [{}, { CreatedAt }] }) === undefined).toBe(isTaken);
  });
});
