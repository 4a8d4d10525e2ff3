const FIRST = 3;
const LAST = 10;

/** What a program said first, where it complains of its flags, and last, where it says why it ended. */
export function excerptOf(log: string): string {
  const lines = log.trimEnd().split('\n');
  if (lines.length <= FIRST + LAST) return lines.join('\n');
  return [...lines.slice(0, FIRST), '...', ...lines.slice(-LAST)].join('\n');
}
