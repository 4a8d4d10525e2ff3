import { join } from 'node:path';
import { run } from '@drydock/base/subprocess';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');

describe('npm run integration', { tags: ['docker', 'root'] }, () => {
  it('runs the tests of clusters in containers, here one file of them', async () => {
    const argv = ['npm', 'run', 'integration', '--', 'readme-example'] as const;
    const { exitCode, stdout, stderr } = await run(argv, { cwd: ROOT, timeoutMs: 110_000 });
    expect([exitCode, stderr]).toEqual([0, expect.anything()]);
    expect(stdout).toContain('Docker Engine ');
    expect(stdout).toMatch(/Tests\s.*1 passed/);
  });
});
