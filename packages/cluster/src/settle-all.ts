/**
 * As Promise.all, but it waits for all of them also when one fails: what the others make is known before it is cleaned up.
 * @throws the error of the one that failed, or an AggregateError of several
 */
export async function settleAll<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  const results = await Promise.allSettled(promises);
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join('; '));
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
