/** Images from Debian's docker-registry, which nobody here wrote. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@drydock/base/wait-until';
import { LocalCluster, STANDIN_IMAGES_DIRECTORY } from '@drydock/cluster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from './testing/push-image.ts';
import { startStallingRegistry } from './testing/stalling-registry.ts';
import { startRegistry, type StartedRegistry } from './testing/started-registry.ts';
import { assertNothingLeft } from './testing/test-cluster.ts';

const ARCHIVE = join(STANDIN_IMAGES_DIRECTORY, 'ubuntu:14.04.tar');
const VOLUMES = fileURLToPath(new URL('../../../fixtures/volumes/myvolume.json', import.meta.url));
const CREDENTIALS = Buffer.from('user:secret').toString('base64');
/** The same, as the registry keeps it. */
const HTPASSWD = 'user:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW';
const tags = ['registry'];

let cluster: LocalCluster;
let registry: StartedRegistry;
/** Asks for a user and a password. */
let privateRegistry: StartedRegistry;
/** Of the manifest of `ubuntu:14.04`. */
let digest: string;
beforeAll(async () => {
  cluster = await LocalCluster.create({ imagesDirectory: '/nowhere' });
  registry = await startRegistry(cluster, { name: 'registry' });
  digest = await pushImage(ARCHIVE, { host: registry.host, repository: 'ubuntu', tag: '14.04' });
  await pushImage(ARCHIVE, { host: registry.host, repository: 'team/app', tag: 'latest' });
  privateRegistry = await startRegistry(cluster, { name: 'private-registry', user: HTPASSWD });
  const { host } = privateRegistry;
  await pushImage(ARCHIVE, { host, repository: 'secret/app', tag: '1.0', authorization: `Basic ${CREDENTIALS}` });
  const dockerConfig = join(cluster.directory, 'config.json');
  await writeFile(dockerConfig, JSON.stringify({ auths: { [host]: { auth: CREDENTIALS } } }));
  await cluster.startMaster();
  await cluster.startConvoy();
  await cluster.startAgent({
    flags: [`--docker_registry=http://${registry.host}`, `--docker_config=${dockerConfig}`],
  });
}, 60_000);
afterAll(async () => {
  await cluster.stop();
}, 60_000);
afterEach(async () => {
  await assertNothingLeft(cluster);
  const staged = await readdir(join(cluster.directory, 'store', 'staging'));
  if (staged.length > 0) throw new Error(`Left in the store: ${staged.join(', ')}`);
});

/** What the registry was asked to give, in order. */
const requests = async (): Promise<readonly string[]> =>
  [...(await registry.log()).matchAll(/"GET (\/v2\/\S+) HTTP/g)].map(([, path = '']) => path);

describe('an agent with --docker_registry=http://...', { tags }, () => {
  it("plays the document's scenario", async () => {
    expect((await cluster.run('convoy', ['create', 'myvolume'])).exitCode).toBe(0);
    const touch = await cluster.execute({ command: 'touch /tmp/myvolume/myfile', volumes: VOLUMES });
    expect([touch.states.at(-1), touch.message]).toEqual(['TASK_FINISHED', expect.anything()]);
    const list = await cluster.execute({ command: 'ls /tmp/myvolume/', volumes: VOLUMES });
    expect(list.states.at(-1)).toBe('TASK_FINISHED');
    expect(list.stdout).toContain('\nlost+found\nmyfile\n');
    // The second task had the image from the store.
    expect(await requests()).toEqual([
      '/v2/ubuntu/manifests/14.04',
      expect.stringMatching(/^\/v2\/ubuntu\/blobs\/sha256:/),
      expect.stringMatching(/^\/v2\/ubuntu\/blobs\/sha256:/),
    ]);
  });

  it('runs images that are named by digest, and with the registry', async () => {
    const before = (await requests()).length;
    for (const image of [`ubuntu@${digest}`, `${registry.host}/team/app`]) {
      const task = await cluster.execute({ command: 'cat /etc/os-release', image });
      expect([image, task.states.at(-1)]).toEqual([image, 'TASK_FINISHED']);
      expect(task.stdout).toContain('NAME="Drydock stand-in image"');
    }
    // Their layer is in the store.
    expect((await requests()).slice(before)).toEqual([
      `/v2/ubuntu/manifests/${digest}`,
      expect.stringMatching(/^\/v2\/ubuntu\/blobs\/sha256:/),
      '/v2/team/app/manifests/latest',
      expect.stringMatching(/^\/v2\/team\/app\/blobs\/sha256:/),
    ]);
    expect(await readdir(join(cluster.directory, 'store', 'layers'))).toHaveLength(1);
  });

  it('takes the credentials of --docker_config to a registry that asks for some', async () => {
    const port = privateRegistry.host.split(':')[1] ?? '';
    const task = await cluster.execute({ command: 'true', image: `127.0.0.1:${port}/secret/app:1.0` });
    expect([task.states.at(-1), task.message]).toEqual(['TASK_FINISHED', expect.anything()]);
    // By another name it is another registry.
    const refused = await cluster.execute({ command: 'true', image: `localhost:${port}/secret/app:1.0` });
    expect(refused.states).toEqual(['TASK_FAILED']);
    expect(refused.message).toContain(
      `Failed to pull image 'localhost:${port}/secret/app:1.0' from 'http://localhost:${port}': the registry asks for credentials, and --docker_config has none for 'localhost:${port}'`,
    );
    const [agent] = cluster.agents;
    const shown = await cluster.exec(['curl', '--silent', '--fail', `http://${agent?.address}/flags`]);
    expect(shown.stdout).toContain('"docker_config":"<hidden>"');
  });

  it('tells the framework what the registry does not have', async () => {
    const task = await cluster.execute({ command: 'true', image: 'ubuntu:none' });
    expect(task.states).toEqual(['TASK_FAILED']);
    expect(task.message).toContain(
      `Failed to launch container: Failed to pull image 'ubuntu:none' from 'http://${registry.host}': Unexpected HTTP response '404 Not Found' when trying to get the manifest: MANIFEST_UNKNOWN: manifest unknown; check the name of the image, or push it`,
    );
  });

  it('ends a download with the task that wants it', async () => {
    await using stalling = await startStallingRegistry();
    const ending = new AbortController();
    const task = cluster.execute({ command: 'true', image: `${stalling.host}/app`, signal: ending.signal });
    await waitUntil(stalling.openCount, { what: 'the download', until: (count) => count === 1, timeoutMs: 20_000 });
    // mesos-execute tears its framework down.
    ending.abort();
    await waitUntil(stalling.openCount, { what: 'its end', until: (count) => count === 0, timeoutMs: 20_000 });
    await task;
    await assertNothingLeft(cluster);
    expect(stalling.startedCount()).toBe(1);
  });

  it('that is killed in the middle of a download leaves what the next one removes', async () => {
    await using stalling = await startStallingRegistry();
    const ending = new AbortController();
    const task = cluster.execute({ command: 'true', image: `${stalling.host}/app`, signal: ending.signal });
    await waitUntil(stalling.openCount, { what: 'the download', until: (count) => count === 1, timeoutMs: 20_000 });
    const [agent] = cluster.agents;
    if (agent === undefined) throw new Error('The cluster has an agent');
    const staging = join(cluster.directory, 'store', 'staging');
    agent.daemon.kill('SIGKILL');
    await agent.daemon.exited;
    expect(await readdir(staging)).not.toEqual([]);
    ending.abort();
    await task;
    await cluster.restartAgent(agent);
    expect(await readdir(staging)).toEqual([]);
    const stored = await readFile(join(cluster.directory, 'store', 'storedImages'), 'utf8');
    expect(stored).not.toContain(stalling.host);
  });

  it('needs no registry for what it has, and says when it needs one that is not there', async () => {
    await registry.stop();
    const stored = await cluster.execute({ command: 'ls /tmp/myvolume/', volumes: VOLUMES });
    expect(stored.states.at(-1)).toBe('TASK_FINISHED');
    const missing = await cluster.execute({ command: 'true', image: 'ubuntu:none' });
    expect(missing.states).toEqual(['TASK_FAILED']);
    expect(missing.message).toContain(
      `Failed to pull image 'ubuntu:none' from 'http://${registry.host}': Failed to reach http://${registry.host}: ECONNREFUSED`,
    );
  });
});
