/** The scenario inside one container, for people whose machine is not Linux, or who are not root on it. */
import { startSingleHost } from '@drydock/cluster/containers';

/** Runs `drydock scenario` with these flags in a container; gives its exit code. */
export async function runInDocker(flags: readonly string[]): Promise<number> {
  process.stderr.write('Starting a container for the scenario ...\n');
  await using single = await startSingleHost();
  process.stderr.write(`${single.description}\n`);
  return await single.host.stream(['drydock', 'scenario', ...flags], process);
}
