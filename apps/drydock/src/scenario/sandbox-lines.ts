/** The document's sample of a sandbox's stdout, as patterns in its order; PID has to be the same in both places. */
const PATTERNS: readonly RegExp[] = [
  /^Received SUBSCRIBED event$/,
  /^Subscribed executor on \S+$/,
  /^Received LAUNCH event$/,
  /^Starting task test$/,
  /^Forked command at (\d+)$/,
  /^sh -c 'ls \/tmp\/myvolume'$/,
  /^lost\+found$/,
  /^myfile$/,
  /^Command exited with status 0 \(pid: (\d+)\)$/,
];

/** The first line that is not as in the document, or undefined when all are. */
export function findUnexpectedLine(stdout: string): string | undefined {
  const lines = stdout.trimEnd().split('\n');
  for (const [index, pattern] of PATTERNS.entries()) {
    const line = lines[index];
    if (line === undefined || !pattern.test(line))
      return `line ${index + 1}: expected ${pattern.source}, got ${line ?? 'nothing'}`;
  }
  if (lines.length > PATTERNS.length)
    return `line ${PATTERNS.length + 1}: expected the end, got ${lines[PATTERNS.length]}`;
  const [forked, exited] = [/^Forked command at (\d+)$/m.exec(stdout)?.[1], /\(pid: (\d+)\)$/m.exec(stdout)?.[1]];
  return forked === exited ? undefined : `expected one pid, got ${forked} and ${exited}`;
}
