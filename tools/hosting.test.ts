import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

/** What whoever hosts the repository needs: the same commands as everywhere. */
const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Workflow {
  readonly permissions: object;
  readonly jobs: Readonly<Record<string, Job>>;
}
interface Job {
  readonly 'timeout-minutes': number;
  readonly steps: readonly { readonly name?: string; readonly run?: string; readonly uses?: string }[];
}

describe('.github/workflows/ci.yml', () => {
  const workflow = parse(read('.github/workflows/ci.yml')) as Workflow;
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
  const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
  const npmCommands = (text: string): readonly string[] =>
    [...text.matchAll(/\bnpm (?:run )?(test|scenario)\b(?: -- (--in-docker))?/g)].map(([command]) => command);

  it("runs the README's two commands, as .ci/run does", () => {
    const run = steps.flatMap((step) => npmCommands(step.run ?? ''));
    expect(run).toEqual(['npm test', 'npm run scenario', 'npm run scenario -- --in-docker']);
    expect(npmCommands(read('.ci/run'))).toEqual(['npm test', 'npm run scenario']);
    expect(scripts).toEqual(expect.arrayContaining(['test', 'scenario']));
  });

  it('has bounds, reads only, and takes actions by a version', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(Object.values(workflow.jobs).every((job) => job['timeout-minutes'] <= 60)).toBe(true);
    const actions = steps.flatMap(({ uses }) => (uses === undefined ? [] : [uses]));
    expect(actions.every((action) => /^actions\/[a-z-]+@v\d+$/.test(action))).toBe(true);
    expect(actions.length).toBeGreaterThan(0);
  });
});

describe('compose.yaml', () => {
  const compose = parse(read('compose.yaml'), { merge: true }) as {
    services: Record<
      string,
      { cap_add: string[]; security_opt: string[]; device_cgroup_rules: string[]; build: { dockerfile: string } }
    >;
  };
  const readme = read('packages/cluster/README.md');

  it('gives hosts what the README explains, and nothing more', () => {
    for (const { cap_add, security_opt, device_cgroup_rules } of Object.values(compose.services)) {
      for (const capability of cap_add) expect(readme).toContain(`| CAP_${capability} `);
      expect(security_opt.map((option) => `\`${option}\``)).toEqual(['`seccomp=unconfined`', '`apparmor=unconfined`']);
      for (const rule of device_cgroup_rules) expect(readme).toContain(`'${rule}'`);
    }
    expect(Object.keys(compose.services)).toEqual(['master', 'agent-1', 'agent-2']);
  });

  it('builds from a Dockerfile that copies only what there is', () => {
    const { build } = compose.services['master'] ?? { build: { dockerfile: '' } };
    const dockerfile = read(build.dockerfile);
    for (const [, path = ''] of dockerfile.matchAll(/\bnode ([a-z/-]+\.(?:ts|mjs))/g)) expect(read(path)).not.toBe('');
    expect(dockerfile).toContain('/opt/drydock/packages/cluster/host/boot.sh');
    expect(read('packages/cluster/host/boot.sh')).toContain('host is ready');
  });
});

describe('the example in the README of packages/cluster', () => {
  it('is the test that is run', () => {
    const [, example = ''] =
      /```ts\n(import \{ MesosClusterLocal[\s\S]*?)```/.exec(read('packages/cluster/README.md')) ?? [];
    const test = read('apps/integration/src/containers/readme-example.test.ts');
    expect(example).not.toBe('');
    expect(test.endsWith(example)).toBe(true);
  });
});
