import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { systemCodeOf } from '@drydock/base/errors';
import type { ProcessFacts } from '@drydock/mesos';

/**
 * When and by whom the programs were built, as `/version` shows it. They run from their sources, so this is when they were
 * put where they are, and whose they are.
 */
export async function buildInfo(): Promise<NonNullable<ProcessFacts['build']>> {
  const { mtimeMs, uid } = await stat(fileURLToPath(new URL('version.ts', import.meta.url)));
  return {
    build_date: new Date(mtimeMs).toISOString().slice(0, 19).replace('T', ' '),
    build_time: Math.floor(mtimeMs / 1000),
    build_user: userName(uid),
  };
}

function userName(uid: number): string {
  if (uid === 0) return 'root';
  try {
    const user = userInfo();
    return user.uid === uid ? user.username : String(uid);
  } catch (error) {
    // The user of this process has no account.
    if (systemCodeOf(error) === 'ERR_SYSTEM_ERROR') return String(uid);
    throw error;
  }
}
