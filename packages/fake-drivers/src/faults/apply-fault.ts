import { assertNever } from '@drydock/base/errors';
import type { ClockPort } from '@drydock/base/ports';
import { parseFirstJson } from '@drydock/volume-plugin';
import {
  replyStyles,
  type HttpAnswer,
  type HttpReply,
  type PluginCall,
  type ReplyStyleName,
} from '@drydock/volume-plugin/server';
import type { StateDamage } from '../records/record-book.ts';
import type { SeededRandom } from '@drydock/base/seeded-random';
import type { FaultAction } from './fault-action.ts';

/** What a fault can do to a driver. */
export interface FaultEffects {
  readonly style: ReplyStyleName;
  readonly clock: ClockPort;
  readonly random: SeededRandom;
  /** Aborted when the driver stops: ends a `delay`. */
  readonly signal: AbortSignal;
  /** Ends the driver as SIGKILL would. */
  crash(): void;
  restart(state: StateDamage): Promise<void>;
  /** Makes a symbolic link to the path; gives the link's path. */
  link(target: string): Promise<string>;
}

/** The answer to a call that this happens to. */
export async function applyFault(
  action: FaultAction,
  call: PluginCall,
  proceed: () => Promise<HttpAnswer>,
  effects: FaultEffects,
): Promise<HttpAnswer> {
  const style = replyStyles[effects.style];
  switch (action.kind) {
    case 'off':
      return await proceed();
    case 'error':
      return style.failure(action.text);
    case 'err200':
      return json(200, JSON.stringify({ Err: action.text }));
    case 'err500':
      return json(500, JSON.stringify({ Err: action.text }));
    case 'notfound':
      return style.notFound('POST', `/${call.method}`);
    case 'mountpoint':
      return style.success({ Mountpoint: action.path });
    case 'malformed':
      return json(200, '{"Mountpoint": "/');
    case 'empty':
      return json(200, '');
    case 'wrongtype':
      return json(200, '{"Mountpoint": 42, "Volume": [], "Volumes": {}, "Err": 7}');
    case 'hang':
      return 'no-reply';
    case 'delay':
      await effects.clock.sleep(effects.random.between(action.msMin, action.msMax), { signal: effects.signal });
      return await proceed();
    case 'restart':
      await effects.restart(action.state);
      return 'drop';
    case 'drop':
    case 'crash': {
      if (action.phase === 'after') await proceed();
      if (action.kind === 'crash') effects.crash();
      return 'drop';
    }
    case 'partial':
    case 'huge':
    case 'slow':
    case 'link':
      return await applyToReply(action, await proceed(), effects);
    default:
      return assertNever(action);
  }
}

/** What happens to an answer that was made. */
async function applyToReply(
  action: Extract<FaultAction, { kind: 'partial' | 'huge' | 'slow' | 'link' }>,
  reply: HttpAnswer,
  effects: FaultEffects,
): Promise<HttpAnswer> {
  if (typeof reply === 'string') return reply;
  switch (action.kind) {
    case 'partial':
      return { ...reply, delivery: { kind: 'cut' } };
    case 'huge':
      return { ...reply, body: ' '.repeat(action.mebibytes * 1024 * 1024) + reply.body };
    case 'slow':
      return { ...reply, delivery: { kind: 'slow', byteDelayMs: action.byteDelayMs } };
    case 'link': {
      const mountpoint = mountpointOf(reply);
      if (mountpoint === undefined) return reply;
      return replyStyles[effects.style].success({ Mountpoint: await effects.link(mountpoint) });
    }
  }
}

function mountpointOf({ body }: HttpReply): string | undefined {
  const value = parseFirstJson(body);
  if (typeof value !== 'object' || value === null || !('Mountpoint' in value)) return undefined;
  return typeof value.Mountpoint === 'string' && value.Mountpoint !== '' ? value.Mountpoint : undefined;
}

function json(status: number, body: string): HttpReply {
  return { status, contentType: 'application/json', body };
}
