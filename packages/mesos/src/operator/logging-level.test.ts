import { waitUntil } from '@drydock/base/wait-until';
import type { LogFields, Logger } from '@drydock/base/log';
import { describe, expect, it, vi } from 'vitest';
import { jsonReply } from '../http/reply.ts';
import { endServicesAfterEach, serve, urlOf } from '../testing/served-routes.ts';
import { LoggingLevel } from './logging-level.ts';

endServicesAfterEach();

describe('the logging level', () => {
  it('writes a line for each request while the level is raised', async () => {
    const lines: [message: string, fields: LogFields | undefined][] = [];
    const note = (message: string, fields?: LogFields): void => void lines.push([message, fields]);
    const logger: Logger = { info: note, warning: note, error: note, child: () => logger };
    const logging = new LoggingLevel(() => logger);
    const route = { method: 'GET', path: '/state', handle: () => jsonReply({}) } as const;
    const service = await serve([logging.logged(route), ...logging.routes]);
    const get = async (path: string): Promise<string> => await (await fetch(urlOf(service, path))).text();

    await get('/state');
    expect(lines).toEqual([]);
    expect(await get('/logging/toggle?level=1&duration=150ms')).toBe('');
    await get('/state?secret=1');
    expect(lines).toEqual([
      ['Set the logging level', { level: 1, durationMs: 150 }],
      ['HTTP request', { method: 'GET', path: '/state' }],
    ]);
    await waitUntil(async () => (await get('/logging/toggle')) === '0\n', { what: 'the level to go back' });
    await get('/state');
    expect(lines.length).toBe(2);
  });

  it('stays for as long as was asked for last', () => {
    const logger: Logger = { info: () => {}, warning: () => {}, error: () => {}, child: () => logger };
    vi.useFakeTimers();
    try {
      const logging = new LoggingLevel(() => logger);
      logging.set(1, 1_000);
      logging.set(2, 1e12);
      vi.advanceTimersByTime(2_000);
      expect(logging.level).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
