/** What every daemon of a cluster is asked over HTTP, wherever it runs. */
import { waitUntil } from '@drydock/base/wait-until';
import { getJson } from './http-get.ts';
import type { StartedDaemon } from './mesos-cluster.ts';
import type { WaitCondition } from './wait-condition.ts';

const WAIT_MS_MAX = 60_000;
const LOOK_AGAIN_MS = 50;

export abstract class ClusterDaemon implements StartedDaemon {
  abstract readonly name: string;
  abstract readonly url: string;
  abstract log(): Promise<string>;
  abstract kill(signal?: NodeJS.Signals): Promise<void>;
  abstract restart(): Promise<void>;
  abstract pause(): Promise<void>;
  abstract resume(): Promise<void>;

  async state(): Promise<unknown> {
    return await getJson(this.url, '/state');
  }

  async metrics(): Promise<Readonly<Record<string, number>>> {
    return (await getJson(this.url, '/metrics/snapshot')) as Readonly<Record<string, number>>;
  }

  async waitFor(condition: WaitCondition, options: { readonly timeoutMs?: number } = {}): Promise<void> {
    await waitUntil(async () => await condition.check(this), {
      what: `${this.name} to have ${condition.what}`,
      until: ({ isMet }) => isMet,
      timeoutMs: options.timeoutMs ?? WAIT_MS_MAX,
      intervalMs: LOOK_AGAIN_MS,
    });
  }
}
