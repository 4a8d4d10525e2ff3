/** Debian's docker-registry on a free port of this machine, with its data in the cluster's directory. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from '@drydock/base/wait-until';
import type { LocalCluster } from '@drydock/cluster';

export interface StartedRegistry {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** What it was asked so far, its log. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

export interface StartRegistryOptions {
  /** Of its directory and log. */
  readonly name: string;
  /** A line of an htpasswd file, with bcrypt: it asks for this user and no other. */
  readonly user?: string;
}

/** It is stopped with the cluster. */
export async function startRegistry(
  cluster: LocalCluster,
  { name, user }: StartRegistryOptions,
): Promise<StartedRegistry> {
  const directory = join(cluster.directory, name);
  await mkdir(join(directory, 'data'), { recursive: true });
  const configuration = {
    version: '0.1',
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') } },
    http: { addr: '127.0.0.1:0' },
    ...(user === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: join(directory, 'htpasswd') } } }),
  };
  await writeFile(join(directory, 'htpasswd'), `${user ?? ''}\n`);
  const path = join(directory, 'config.yml');
  // JSON is YAML.
  await writeFile(path, JSON.stringify(configuration));
  const daemon = await cluster.startProgram(name, ['docker-registry', 'serve', path]);
  const log = async (): Promise<string> => await readFile(daemon.logPath, 'utf8');
  const host = await waitUntil(
    async () => {
      await daemon.assertRunning();
      return /listening on (127\.0\.0\.1:\d+)/.exec(await log())?.[1];
    },
    { what: 'the registry to listen', timeoutMs: 20_000 },
  );
  return { host: host ?? '', log, stop: async () => await daemon.stop() };
}
