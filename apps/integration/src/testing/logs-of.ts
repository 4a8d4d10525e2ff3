import { join } from 'node:path';

const REPORTS = join(import.meta.dirname, '..', '..', 'reports');

/** Where the logs of a test file's cluster land. */
export function logsOf(name: string): string {
  return join(REPORTS, 'clusters', name);
}
