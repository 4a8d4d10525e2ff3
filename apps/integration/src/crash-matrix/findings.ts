import type { MatrixVariant } from './matrix-variant.ts';
import type { JournalEntry } from './watched-driver.ts';

/**
 * What must not be. `leak`: something is left. `lost`: a task whose end is not true or never comes, a volume that was taken
 * from a container, data that are gone.
 */
export interface Finding {
  readonly kind: 'leak' | 'lost';
  readonly what: string;
}

/** What the driver was asked of one volume, against how it is to be asked. */
export function findInJournal({ counting }: MatrixVariant, journal: readonly JournalEntry[]): readonly Finding[] {
  const done = journal.filter(({ isDone }) => isDone);
  const mounts = done.filter(({ method }) => method === 'VolumeDriver.Mount');
  const unmounts = done.filter(({ method }) => method === 'VolumeDriver.Unmount');
  const volume = journal[0]?.volume ?? '';
  const pulled = unmounts
    .filter(({ holders }) => holders.length > 0)
    .map(({ holders }): Finding => ({ kind: 'lost', what: `${volume} was unmounted under ${holders.join(', ')}` }));
  if (counting === 'first_container') {
    if (isBalanced(done)) return pulled;
    const what = `${volume}: ${mounts.length} mounts and ${unmounts.length} unmounts of a driver that counts`;
    return [...pulled, { kind: 'leak', what }];
  }
  const last = done.findLastIndex(({ method }) => method === 'VolumeDriver.Mount');
  const after = done.slice(last + 1).filter(({ method }) => method === 'VolumeDriver.Unmount');
  if (last < 0 || after.length === 1) return pulled;
  return [...pulled, { kind: 'leak', what: `${volume}: ${after.length} unmounts after its last holder` }];
}

/**
 * As the driver counts: down to nothing, and not below. An agent that was killed between its note that it is about to ask
 * and the question cannot know that there is nothing to undo.
 */
function isBalanced(done: readonly JournalEntry[]): boolean {
  let [count, idleUnmountCount] = [0, 0];
  for (const { method } of done) {
    if (method === 'VolumeDriver.Mount') count += 1;
    else if (method === 'VolumeDriver.Unmount' && count > 0) count -= 1;
    else if (method === 'VolumeDriver.Unmount') idleUnmountCount += 1;
  }
  return count === 0 && idleUnmountCount <= 1;
}
