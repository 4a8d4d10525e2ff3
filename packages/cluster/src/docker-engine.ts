/**
 * A Docker Engine of a run's own: its directories lie below the run's, its mounts in a namespace that is a slave of the
 * run's (so that it sees what drivers mount there, and nobody sees what it mounts), and it has no network. It finds the
 * plugins that are announced in the run's namespace and none of the host's.
 */
import { join } from 'node:path';
import { DomainError } from '@drydock/base/errors';
import type { RunOptions, RunResult } from '@drydock/base/subprocess';
import { waitUntil } from '@drydock/base/wait-until';
import type { DaemonProcess } from './daemon-process.ts';
import type { LocalCluster } from './local-cluster.ts';

/** A docker command failed; the message has its output. */
export class DockerCommandError extends DomainError<'DOCKER_COMMAND'> {
  readonly code = 'DOCKER_COMMAND';
}

const READY_MS_MAX = 60_000;

export class StartedDockerEngine implements AsyncDisposable {
  readonly #cluster: LocalCluster;
  readonly #daemon: DaemonProcess;
  readonly #directory: string;

  private constructor(cluster: LocalCluster, daemon: DaemonProcess, directory: string) {
    this.#cluster = cluster;
    this.#daemon = daemon;
    this.#directory = directory;
  }

  /**
   * Resolves when the engine answers. It is stopped with the cluster.
   * @throws DaemonFailedError when it ends before, with the end of its log
   */
  static async start(cluster: LocalCluster): Promise<StartedDockerEngine> {
    const directory = join(cluster.directory, 'docker');
    const engine = [
      'dockerd',
      `--host=${hostOf(cluster)}`,
      `--data-root=${join(directory, 'data')}`,
      `--exec-root=${join(directory, 'exec')}`,
      `--pidfile=${join(directory, 'docker.pid')}`,
      `--cgroup-parent=/${cluster.cgroupsRoot}`,
      '--config-file=',
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
    ];
    const argv = ['unshare', '--mount', '--propagation=slave', '--net', '--', ...engine];
    const daemon = await cluster.startProgram('dockerd', argv);
    const started = new StartedDockerEngine(cluster, daemon, directory);
    await waitUntil(
      async () => {
        await daemon.assertRunning();
        return (await started.tryDocker(['version', '--format={{.Server.Version}}'])).exitCode === 0;
      },
      { what: 'the Docker engine to answer', timeoutMs: READY_MS_MAX, intervalMs: 100 },
    );
    return started;
  }

  /**
   * Runs a docker command against the engine and gives its stdout, trimmed.
   * @throws DockerCommandError when it fails
   */
  async docker(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.tryDocker(args, options);
    if (result.exitCode === 0) return result.stdout.trim();
    const output = `${result.stdout}${result.stderr}`.trim();
    throw new DockerCommandError(`docker ${args.join(' ')} ended with status ${result.exitCode}: ${output}`);
  }

  /** Runs a docker command against the engine, whatever it ends with. */
  async tryDocker(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const own = [`--config=${join(this.#directory, 'client')}`, `--host=${hostOf(this.#cluster)}`];
    return await this.#cluster.exec(['docker', ...own, ...args], options);
  }

  /** Ends containers and engine. Idempotent. */
  async stop(): Promise<void> {
    if (this.#daemon.hasEnded) return;
    const containers = await this.docker(['ps', '--quiet', '--all']);
    if (containers !== '') await this.docker(['rm', '--force', ...containers.split('\n')]);
    await this.#daemon.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Inside the run's namespace; short, since a socket's path is. */
function hostOf(cluster: LocalCluster): string {
  return `unix:///run/docker-${cluster.runId}.sock`;
}
