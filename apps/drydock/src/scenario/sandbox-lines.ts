/** The document's sample of a sandbox's stdout, as patterns in its order; PID has to be the same in both places. */
const patternsOf = (listing: readonly string[]): readonly RegExp[] => [
  /^Received SUBSCRIBED event$/,
  /^Subscribed executor on \S+$/,
  /^Received LAUNCH event$/,
  /^Starting task test$/,
  /^Forked command at (\d+)$/,
  /^sh -c 'ls \/tmp\/myvolume'$/,
  ...listing.map((name) => new RegExp(`^${RegExp.escape(name)}$`)),
  /^Command exited with status 0 \(pid: (\d+)\)$/,
];

/** The first line that is not as in the document, or undefined when all are. `listing` is what `ls` has to show. */
export function findUnexpectedLine(stdout: string, listing: readonly string[]): string | undefined {
  const patterns = patternsOf(listing);
  const lines = stdout.trimEnd().split('\n');
  for (const [index, pattern] of patterns.entries()) {
    const line = lines[index];
    if (line === undefined || !pattern.test(line))
      return `line ${index + 1}: expected ${pattern.source}, got ${line ?? 'nothing'}`;
  }
  if (lines.length > patterns.length)
    return `line ${patterns.length + 1}: expected the end, got ${lines[patterns.length]}`;
  const [forked, exited] = [/^Forked command at (\d+)$/m.exec(stdout)?.[1], /\(pid: (\d+)\)$/m.exec(stdout)?.[1]];
  return forked === exited ? undefined : `expected one pid, got ${forked} and ${exited}`;
}
