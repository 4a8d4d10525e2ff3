/** The mount table of a mount namespace. @see proc_pid_mountinfo(5) */
import { readFile } from 'node:fs/promises';

export interface MountEntry {
  readonly id: string;
  readonly device: string;
  /** What of the file system is mounted. */
  readonly root: string;
  readonly mountpoint: string;
  /** Per mount: `rw,relatime` */
  readonly options: string;
  readonly type: string;
  readonly source: string;
}

export async function readMountTable(pid: number | 'self'): Promise<readonly MountEntry[]> {
  const text = await readFile(`/proc/${pid}/mountinfo`, 'utf8');
  return text.trimEnd().split('\n').map(parseLine);
}

export function parseLine(line: string): MountEntry {
  const [left = '', right = ''] = line.split(' - ', 2);
  const [id = '', , device = '', root = '', mountpoint = '', options = ''] = left.split(' ');
  const [type = '', source = ''] = right.split(' ');
  return {
    id,
    device,
    root: unescape(root),
    mountpoint: unescape(mountpoint),
    options,
    type,
    source: unescape(source),
  };
}

/** What `after` has more, and less, than `before`. */
export function mountDifference(
  before: readonly MountEntry[],
  after: readonly MountEntry[],
): { readonly added: readonly MountEntry[]; readonly removed: readonly MountEntry[] } {
  const keyOf = ({ id, device, mountpoint }: MountEntry): string => `${id} ${device} ${mountpoint}`;
  const [had, has] = [new Set(before.map(keyOf)), new Set(after.map(keyOf))];
  return {
    added: after.filter((entry) => !had.has(keyOf(entry))),
    removed: before.filter((entry) => !has.has(keyOf(entry))),
  };
}

/** The kernel writes blanks, tabs, newlines and backslashes as `\040`. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
