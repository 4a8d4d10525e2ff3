import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StateFile, StateFileError, type FrameworkRecord } from './state-file.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'example-framework-'));
});
afterEach(async () => {
  await chmod(directory, 0o700);
  await rm(directory, { recursive: true });
});

describe('StateFile', () => {
  it.each<FrameworkRecord>([
    { tasks: {} },
    { frameworkId: 'F', tasks: {} },
    { frameworkId: 'F', tasks: { reader: { taskId: 'reader-1', agentId: 'S', state: 'TASK_RUNNING' } } },
  ])('gives back %j, and leaves nothing else in its directory', async (record) => {
    await new StateFile(directory).write(record);
    expect(await new StateFile(directory).read()).toEqual(record);
    expect(await readdir(directory)).toEqual(['framework.json']);
  });

  it('makes its directory, and begins without a file', async () => {
    const file = new StateFile(join(directory, 'a', 'b'));
    expect(await file.read()).toEqual({ tasks: {} });
    await file.write({ frameworkId: 'F', tasks: {} });
    await file.remove();
    await file.remove();
    expect(await file.read()).toEqual({ tasks: {} });
  });

  it.each([
    ['{', 'Expected property name'],
    ['[]', 'Expected the file to be an object, got []'],
    ['{"version":2,"tasks":{}}', 'Expected version 1, got 2'],
    ['{"version":1}', 'Expected tasks to be an object, got undefined'],
    ['{"version":1,"frameworkId":"","tasks":{}}', 'Expected frameworkId to be a text, got ""'],
    ['{"version":1,"tasks":{"writer":{"taskId":1}}}', 'Expected taskId of the writer to be a text, got 1'],
  ])('does not take %s for a new framework, and says what to do', async (text, why) => {
    const file = new StateFile(directory);
    await writeFile(file.path, text);
    await expect(file.read()).rejects.toThrow(StateFileError);
    await expect(file.read()).rejects.toThrow(`Failed to read ${file.path}: ${why}`);
    await expect(file.read()).rejects.toThrow('remove it to start as a new framework');
  });

  it('says where it cannot write', async () => {
    const file = new StateFile(join(directory, 'gone'));
    await expect(file.write({ tasks: {} })).rejects.toThrow(`Failed to write ${file.path}: ENOENT`);
  });
});
