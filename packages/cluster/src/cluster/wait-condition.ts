/** What can be waited for on a daemon: its state, its log, its metrics. */
import type { StartedDaemon } from './mesos-cluster.ts';

export interface WaitCondition {
  /** For the error: `a log line that matches /Registered/`. */
  readonly what: string;
  /** What is there now, and whether it will do. */
  check(daemon: StartedDaemon): Promise<{ readonly isMet: boolean; readonly seen: unknown }>;
}

/** Conditions by what they look at; `WaitFor.state(...)` reads as a sentence. */
export const WaitFor = {
  /** `GET /state` is as wanted. */
  state<T = Readonly<Record<string, unknown>>>(what: string, isWanted: (state: T) => boolean): WaitCondition {
    return {
      what,
      check: async (daemon) => {
        const seen = (await daemon.state()) as T;
        return { isMet: isWanted(seen), seen };
      },
    };
  },
  /** The log has a line that matches. */
  log(pattern: RegExp): WaitCondition {
    return {
      what: `a log line that matches ${pattern}`,
      check: async (daemon) => {
        const lines = (await daemon.log()).split('\n');
        return { isMet: lines.some((line) => pattern.test(line)), seen: lines.slice(-5).join('\n') };
      },
    };
  },
  /** A metric of `/metrics/snapshot` is as wanted. */
  metric(name: string, isWanted: (value: number) => boolean): WaitCondition {
    return {
      what: `the metric ${name} to be as wanted`,
      check: async (daemon) => {
        const seen = (await daemon.metrics())[name];
        return { isMet: seen !== undefined && isWanted(seen), seen: seen ?? 'no such metric' };
      },
    };
  },
} as const;
