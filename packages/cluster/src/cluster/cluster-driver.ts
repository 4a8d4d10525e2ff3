/** What every driver of a cluster is asked over its control endpoint, wherever it runs. */
import type { DriverMisuse, DriverRequest, StartedDriver } from './mesos-cluster.ts';

export abstract class ClusterDriver implements StartedDriver {
  abstract readonly name: string;
  abstract kill(signal?: NodeJS.Signals): Promise<void>;
  abstract restart(): Promise<void>;
  /** Gives the body of the answer. @throws Error when it is not 2xx, with the answer */
  protected abstract control(method: 'GET' | 'PUT', path: string, body?: string): Promise<string>;

  async faults(text: string): Promise<void> {
    await this.control('PUT', '/drydock/faults', text);
  }

  async requests(): Promise<readonly DriverRequest[]> {
    const answer = JSON.parse(await this.control('GET', '/drydock/requests')) as {
      readonly requests: readonly DriverRequest[];
    };
    return answer.requests;
  }

  async misuses(): Promise<readonly DriverMisuse[]> {
    const answer = JSON.parse(await this.control('GET', '/drydock/misuses')) as {
      readonly misuses: readonly DriverMisuse[];
    };
    return answer.misuses;
  }

  /** Where its clients look for it. */
  protected get socketPath(): string {
    return `/run/docker/plugins/${this.name}.sock`;
  }
}
