import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemCodeOf } from '@drydock/base/errors';
import { run } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY } from '@drydock/cluster';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Where the story by hand works, as the document has it; hidden by a tmpfs in the test's namespace. */
const DIRECTORIES = ['/tmp/mesos', '/var/lib/rancher/convoy'];

async function shellBlocks(heading: string): Promise<readonly string[]> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  return [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block);
}

/** Makes what is missing of a path and gives it, outermost first. */
async function makeMissing(path: string): Promise<readonly string[]> {
  const made: string[] = [];
  for (let at = path.indexOf('/', 1); ; at = path.indexOf('/', at + 1)) {
    const prefix = at < 0 ? path : path.slice(0, at);
    try {
      await mkdir(prefix);
      made.push(prefix);
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
    }
    if (at < 0) return made;
  }
}

describe('README', () => {
  it('names npm scripts that exist', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/\bnpm (?:run (?:-s )?)?([a-z][a-z:-]*)/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it.each([
    ['bench', '-- --help', 'npm run bench'],
    ['fuzz', '-- --help', 'npm run fuzz'],
    ['crash-matrix', '-- --help', 'npm run crash-matrix'],
    ['certify-mutants', '-- --help', 'npm run certify-mutants'],
    ['drydock', '-- certify list', 'ACT-001'],
    ['drydock', '-- doctor', 'namespaces'],
  ])('names `npm run %s %s`, which works', { timeout: 60_000 }, async (name, words, text) => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    expect(readme).toContain(`npm run ${name}`);
    const result = await run(['npm', 'run', name, ...words.split(' ')], { cwd: ROOT, timeoutMs: 60_000 });
    expect(result.exitCode, result.stderr).toBe(0);
    expect(result.stdout).toContain(text);
  });

  it('tells a story by hand that works as typed', { tags: ['root'], timeout: 90_000 }, async () => {
    const [master = '', convoy = '', agent = '', tools = ''] = await shellBlocks('The story by hand');
    const made = (await Promise.all(DIRECTORIES.map(makeMissing))).flat();
    await using cluster = await LocalCluster.create({ imagesDirectory: STANDIN_IMAGES_DIRECTORY });
    const typed = (block: string): readonly string[] => [
      'env',
      ...Object.keys(cluster.daemonSettings).flatMap((name) => ['-u', name]),
      'sh',
      '-ec',
      `cd '${ROOT}'\n${block}`,
    ];
    try {
      for (const directory of DIRECTORIES) {
        const mounted = await cluster.exec(['mount', '-t', 'tmpfs', 'tmpfs', directory]);
        expect(mounted.exitCode, mounted.stderr).toBe(0);
      }
      for (const [name, block] of Object.entries({ master, convoy, agent }))
        await cluster.startProgram(name, typed(block));
      const lines = async (path: string): Promise<string> => (await cluster.exec(['cat', path])).stdout;
      await waitUntil(async () => await lines('/etc/docker/plugins/convoy.spec'), {
        what: 'convoy',
        until: (text) => text !== '',
        timeoutMs: 20_000,
      });
      await waitUntil(async () => (await cluster.exec(['ls', '/tmp/mesos/agent/slaves'])).stdout, {
        what: 'the agent to register',
        until: (text) => text.includes('latest'),
        timeoutMs: 20_000,
      });
      const result = await cluster.exec(typed(tools));
      expect(result.exitCode, result.stderr).toBe(0);
      expect(result.stdout).toMatch(/\nlost\+found\nmyfile\nCommand exited with status 0 \(pid: \d+\)\n$/);
      await waitUntil(async () => await (await fetch('http://127.0.0.1:5051/containers')).json(), {
        what: 'the containers to be cleaned up',
        until: (containers) => Array.isArray(containers) && containers.length === 0,
      });
      // What the README says to do afterwards.
      const deleted = await cluster.exec(typed('npx convoy delete myvolume'));
      expect(deleted.exitCode, deleted.stderr).toBe(0);
      // As Ctrl-C would: npx keeps its program in a process of its own, which outlives it.
      const agents = async (): Promise<readonly number[]> =>
        (await cluster.leaks())
          .filter(({ kind, what }) => kind === 'process' && /^\d+ \S*node \S*bin\/mesos-agent/.test(what))
          .map(({ what }) => Number(what.split(' ')[0]));
      const [pid] = await agents();
      expect(pid).toBeGreaterThan(0);
      process.kill(pid ?? 0, 'SIGTERM');
      await waitUntil(agents, { what: 'the agent to end', until: (pids) => pids.length === 0 });
    } finally {
      await cluster.stop();
      for (const directory of made.toReversed()) await rmdir(directory);
    }
  });
});
