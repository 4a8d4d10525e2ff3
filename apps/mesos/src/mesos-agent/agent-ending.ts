/** Why an agent ends, and whether all that it runs ends with it. The first reason counts. */
export interface EndingReason {
  readonly isForAll: boolean;
  /** It ends with an error. */
  readonly problem?: string;
}

export class AgentEnding {
  readonly reason: Promise<EndingReason>;
  readonly #resolve: (reason: EndingReason) => void;

  /**
   * `stop` aborts with the name of a signal: SIGUSR1 is for all, as upstream.
   * DEVIATION: upstream takes SIGINT for a SIGTERM; here who presses Ctrl-C ends what the agent runs, too.
   */
  constructor(stop: AbortSignal) {
    const { promise, resolve } = Promise.withResolvers<EndingReason>();
    this.reason = promise;
    this.#resolve = resolve;
    const onStop = (): void => resolve({ isForAll: stop.reason !== 'SIGTERM' });
    stop.addEventListener('abort', onStop, { once: true });
    if (stop.aborted) onStop();
  }

  /** The master does not take the agent; an operator can mend that while its tasks go on. */
  readonly refuse = (message: string): void =>
    this.#resolve({ isForAll: false, problem: `The master refused the agent: ${message}` });

  /** The master wants the agent and all that it runs to end. */
  readonly shutdown = (message: string): void =>
    this.#resolve({ isForAll: true, problem: `The master shut the agent down: ${message}` });
}
