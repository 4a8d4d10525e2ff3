/** Answers and requests of the plugin protocol, as mutants word them. */
import type { HttpReply, HttpRequest } from '@drydock/volume-plugin/server';
import type { Tamper } from './tampered-socket.ts';

/** What mutants look at in a request. */
export interface AskedVolume {
  /** `Mount` */
  readonly call: string;
  readonly name: string;
  readonly id: string;
  readonly options: Readonly<Record<string, string>> | null;
}

export function asked({ path, body }: Pick<HttpRequest, 'path' | 'body'>): AskedVolume {
  const call = path.replace(/^\/(VolumeDriver|Plugin)\./, '');
  let request: { readonly Name?: string; readonly ID?: string; readonly Opts?: AskedVolume['options'] } | null;
  try {
    request = JSON.parse(body) as typeof request; // what the suite has sent
  } catch {
    request = null; // no body, or none that is JSON
  }
  return { call, name: request?.Name ?? '', id: request?.ID ?? '', options: request?.Opts ?? null };
}

export function answer(value: object, status = 200): HttpReply {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

export function refusal(text: string): HttpReply {
  return answer({ Err: text }, 500);
}

export function isDone({ status, body }: HttpReply): boolean {
  return status === 200 && !/"Err":\s*"[^"]/.test(body);
}

export function mountpointIn({ body }: HttpReply): string {
  const { Mountpoint } = JSON.parse(body) as { readonly Mountpoint?: string }; // an answer of the fake
  return Mountpoint ?? '';
}

/** Which volumes are mounted, by what is asked of the driver and answered; told before each call. */
export function watchingMounts(tamper: (mounted: ReadonlyMap<string, string>) => Tamper): Tamper {
  const mounted = new Map<string, string>();
  const inner = tamper(mounted);
  return async (request, ask) => {
    const { call, name } = asked(request);
    return await inner(request, async (body) => {
      const reply = await ask(body);
      if (isDone(reply) && call === 'Mount') mounted.set(name, mountpointIn(reply));
      if (isDone(reply) && call === 'Unmount') mounted.delete(name);
      return reply;
    });
  };
}

/**
 * Counts the ids of Docker's engine in front of a driver that counts nothing: the model of a driver that serves both
 * clients. A mount without an id is undone by one Unmount, mounts with ids by as many as there are ids.
 */
export function countingIds(): Tamper {
  const holders = new Map<string, Set<string>>();
  return async (request, ask) => {
    const { call, name, id } = asked(request);
    const ids = holders.get(name) ?? new Set<string>();
    if (call === 'Mount') {
      const reply = await ask();
      if (isDone(reply)) holders.set(name, ids.add(id));
      return reply;
    }
    if (call !== 'Unmount') return await ask();
    if (ids.size > 0 && !ids.has(id)) return refusal(`volume ${name} is not mounted by ${id}`);
    ids.delete(id);
    return ids.size > 0 ? answer({}) : await ask();
  };
}
