/** What an ordinary user needs of the kernel: a user namespace in which file systems can be mounted. */
import { readTextIfThere } from '@drydock/base/read-if-there';
import { run } from '@drydock/base/subprocess';
import { messageOf } from '@drydock/base/errors';

const TRIAL_MS_MAX = 10_000;

/** Kernel settings that forbid it, by the value that does. */
const SETTINGS = [
  ['user.max_user_namespaces', '0', '15000'],
  ['kernel.unprivileged_userns_clone', '0', '1'],
  ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
] as const;

/** Whether this process is not root; root of a user namespace is root. */
export function isOrdinaryUser(): boolean {
  return process.geteuid?.() !== 0;
}

/**
 * Why an ordinary user cannot have a mount namespace here, and what to do about it, in one line; undefined when it works.
 * Found out by trying.
 */
export async function userNamespaceProblem(): Promise<string | undefined> {
  const argv = ['unshare', '--user', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp'] as const;
  let problem: string;
  try {
    const trial = await run(argv, { timeoutMs: TRIAL_MS_MAX });
    if (trial.exitCode === 0) return undefined;
    problem = trial.stderr.trim().split('\n').at(-1) ?? '';
  } catch (error) {
    problem = messageOf(error);
  }
  const remedies: string[] = [];
  for (const [name, forbidding, allowing] of SETTINGS) {
    const value = (await readTextIfThere(`/proc/sys/${name.replaceAll('.', '/')}`))?.trim();
    if (value === forbidding) remedies.push(`sysctl -w ${name}=${allowing}`);
  }
  const remedy = remedies.length > 0 ? `as root: ${remedies.join(' && ')}` : 'run it as root';
  return `An ordinary user cannot mount in a user namespace here (${problem}); ${remedy}`;
}
