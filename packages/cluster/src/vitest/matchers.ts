/** What tests of clusters expect, in one line that says on failure what was seen. */
import { messageOf } from '@drydock/base/errors';
import type { Leak } from '../leaks.ts';

/** Something that goes through task states: a `ClusterTask`. */
export interface Reaching {
  readonly id: string;
  states(): Promise<readonly string[]>;
  reaches(state: string, options?: { readonly timeoutMs?: number }): Promise<void>;
}

/** Something that can be left clean: a cluster, an agent's host. */
export interface Leaking {
  leaks(): Promise<readonly Leak[]>;
}

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

export const matchers = {
  /** Waits until the task has been in the state, for `timeoutMs` at most; default 60 s. */
  async toReach(task: Reaching, state: string, options: { readonly timeoutMs?: number } = {}): Promise<MatcherResult> {
    try {
      await task.reaches(state, options);
      return { pass: true, message: () => `Expected task ${task.id} not to reach ${state}, but it did` };
    } catch (error) {
      return { pass: false, message: () => messageOf(error) };
    }
  },
  /** Nothing is mounted, no loop device, process, checkpoint or control group is there that the run should have undone. */
  async toHaveNoLeaks(host: Leaking): Promise<MatcherResult> {
    const leaks = await host.leaks();
    const list = leaks.map(({ kind, what }) => `${kind} ${what}`).join('\n');
    return {
      pass: leaks.length === 0,
      message: () => (leaks.length === 0 ? 'Expected leaks, found none' : `Expected no leaks, found:\n${list}`),
    };
  },
};
