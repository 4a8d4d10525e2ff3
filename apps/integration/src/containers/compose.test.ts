import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

/**
 * compose.yaml, as far as that goes without a registry and without docker's compose plugin: every service is started with
 * what the file says of it, from the image that the tests have.
 */
const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
const name = `compose-${randomBytes(4).toString('hex')}`;

interface Service {
  readonly hostname: string;
  readonly command: readonly string[];
  readonly cap_add: readonly string[];
  readonly security_opt: readonly string[];
  readonly device_cgroup_rules: readonly string[];
  readonly tmpfs: readonly string[];
  readonly volumes: readonly string[];
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, object>>;
}

let text = '';
let compose: Compose;

const docker = async (...args: readonly string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await run(['docker', ...args], { timeoutMs: 60_000 });
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout;
};
const each = (flag: string, values: readonly string[]): readonly string[] => values.flatMap((value) => [flag, value]);

beforeAll(async () => {
  text = await readFile(join(ROOT, 'compose.yaml'), 'utf8');
  compose = parse(text, { merge: true }) as Compose;
  await docker('network', 'create', name);
  for (const [service, it] of Object.entries(compose.services)) {
    const volumes = it.volumes.map((volume) => `${name}-${volume}`);
    const security = [...each('--cap-add', it.cap_add), ...each('--security-opt', it.security_opt)];
    const devices = [...each('--device-cgroup-rule', it.device_cgroup_rules), ...each('--tmpfs', it.tmpfs)];
    const place = ['--name', `${name}-${service}`, '--hostname', it.hostname, '--network', name];
    const alias = ['--network-alias', service, ...each('--volume', volumes)];
    const image = process.env['DRYDOCK_HOST_IMAGE'] ?? '';
    await docker('run', '--detach', ...place, ...alias, ...security, ...devices, image, ...it.command);
  }
});
afterAll(async () => {
  const containers = Object.keys(compose.services).map((service) => `${name}-${service}`);
  await docker('rm', '--force', ...containers);
  await docker('volume', 'rm', ...Object.keys(compose.volumes).map((volume) => `${name}-${volume}`));
  await docker('network', 'rm', name);
});

describe('compose.yaml', { tags: ['docker'] }, () => {
  it('brings up a cluster in which its own example works', async () => {
    const agents = Object.keys(compose.services).filter((service) => service.startsWith('agent-'));
    const inside = async (service: string, ...argv: readonly string[]): Promise<string> =>
      await docker('exec', `${name}-${service}`, ...argv);
    await waitUntil(
      async () =>
        await inside('master', 'wget', '-q', '-O', '-', 'http://master:5050/metrics/snapshot').catch(() => '{}'),
      {
        what: 'the master to have all agents',
        until: (metrics) => (JSON.parse(metrics) as Record<string, number>)['master/slaves_active'] === agents.length,
        timeoutMs: 60_000,
        intervalMs: 250,
      },
    );
    // The commands of the file's head, with its agent for `docker compose exec agent-1`.
    const commands = text
      .split('\n')
      .filter((line) => line.startsWith('#  '))
      .map((line) => line.slice(1).trim())
      .join('\n')
      .replaceAll('\\\n', ' ')
      .split('\n');
    const prefix = 'docker compose exec agent-1 ';
    const outputs: string[] = [];
    for (const command of commands.filter((line) => line.startsWith(prefix))) {
      outputs.push(await inside('agent-1', 'sh', '-c', command.slice(prefix.length)));
    }
    expect(outputs[0]).toBe('myvolume\n');
    expect(outputs[1]).toContain("Received status update TASK_FINISHED for task 'test'");
  });
});
