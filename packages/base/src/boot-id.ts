import { readFile } from 'node:fs/promises';

/** Names the time since the machine was started. @see random(4) */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}
