/**
 * How much a process logs: 0, and for a while more. From 1 on, each HTTP request gets a line.
 * @see 3rdparty/libprocess/src/logging.cpp
 */
import { parseDurationMs } from '@drydock/base/gflags';
import type { Logger } from '@drydock/base/log';
import { HttpError, textReply, type HttpReply } from '../http/reply.ts';
import type { HttpRequest, HttpRoute } from '../http/service.ts';

/** The level that a process starts with and goes back to. */
const ORIGINAL_LEVEL = 0;
/** A timer that is asked to wait for longer than this fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class LoggingLevel {
  readonly #logger: () => Logger;
  #level = ORIGINAL_LEVEL;
  #reset: NodeJS.Timeout | undefined;

  /** `logger` is asked for when there is something to write. */
  constructor(logger: () => Logger) {
    this.#logger = logger;
  }

  get level(): number {
    return this.#level;
  }

  /** Sets the level for `durationMs`; a later call replaces this one. */
  set(level: number, durationMs: number): void {
    clearTimeout(this.#reset);
    this.#level = level;
    this.#reset = setTimeout(() => (this.#level = ORIGINAL_LEVEL), Math.min(durationMs, TIMER_MS_MAX)).unref();
    this.#logger().info('Set the logging level', { level, durationMs });
  }

  /**
   * The route, with a line for each request while the level asks for it.
   *
   * DEVIATION: upstream has a line for each request at any level, and more of everything at higher ones.
   */
  logged(route: HttpRoute): HttpRoute {
    return {
      ...route,
      handle: (request) => {
        if (this.#level > ORIGINAL_LEVEL) {
          this.#logger().info('HTTP request', { method: request.method, path: request.path });
        }
        return route.handle(request);
      },
    };
  }

  /** `/logging/toggle`: tells the level, or sets it with `level` and `duration`. */
  get routes(): readonly HttpRoute[] {
    const handle = (request: HttpRequest): HttpReply => this.#toggle(request);
    return [
      { method: 'GET', path: '/logging/toggle', handle },
      { method: 'POST', path: '/logging/toggle', handle },
    ];
  }

  #toggle({ query }: HttpRequest): HttpReply {
    const level = query.get('level');
    const duration = query.get('duration');
    if (level === null && duration === null) return textReply(200, `${this.#level}\n`);
    if (level === null) throw new HttpError(400, "Expecting 'level=value' in query.\n");
    if (duration === null) throw new HttpError(400, "Expecting 'duration=value' in query.\n");
    if (!/^-?\d{1,9}$/.test(level)) throw new HttpError(400, `Failed to convert '${level}' to number.\n`);
    if (Number(level) < 0) throw new HttpError(400, `Invalid level '${level}'.\n`);
    const durationMs = parseDurationMs(duration);
    if (durationMs === undefined) throw new HttpError(400, `Failed to parse the duration '${duration}'.\n`);
    this.set(Number(level), durationMs);
    return textReply(200, '');
  }
}
