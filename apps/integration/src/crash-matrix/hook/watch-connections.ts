/** Effects on others: calls to the master, and requests to a driver over its socket. */
import net, { type Socket } from 'node:net';
import { Buffer } from 'node:buffer';
import { agentApiCallType, decode, type ContentType } from '@drydock/mesos';
import type { EffectGate } from './effect-gate.ts';
import { replace } from './replace.ts';

export function watchConnections(gate: EffectGate): void {
  replace(globalThis, 'fetch', (original) => async (...args) => {
    const [, init] = args as [unknown, RequestInit | undefined];
    const what = describeCall(init);
    if (what === undefined) return await original(...args);
    const effect = gate.before(`call ${what}`);
    try {
      return await original(...args);
    } finally {
      effect.after();
    }
  });
  for (const name of ['connect', 'createConnection']) {
    replace(net, name, (original) => (...args) => {
      const socket = original(...args) as Socket;
      const [to] = args;
      if (isUnixSocket(to)) watchDriver(gate, socket);
      return socket;
    });
  }
}

/** Undefined for what is no effect of the agent: an answer to a ping comes when the master asks. */
function describeCall(init: RequestInit | undefined): string | undefined {
  const contentType = new Headers(init?.headers).get('Content-Type');
  if (!Buffer.isBuffer(init?.body) || contentType === null) return 'to the master';
  const call = decode(agentApiCallType, init.body, contentType as ContentType);
  if (call.type === 'PONG') return undefined;
  const status = call.update_status?.status;
  return status === undefined ? String(call.type) : `${call.type} ${status.task_id.value} ${status.state}`;
}

/** As opposed to the connections under `fetch`. */
function isUnixSocket(to: unknown): boolean {
  return (
    typeof to === 'object' && to !== null && 'path' in to && typeof to.path === 'string' && to.path.startsWith('/')
  );
}

function watchDriver(gate: EffectGate, socket: Socket): void {
  replace(socket, 'write', (original) => (...args) => {
    const text = String(args[0]);
    const method = /^POST (\S+)/.exec(text)?.[1] ?? '?';
    const volume = /"Name":"([^"]*)"/.exec(text)?.[1] ?? '';
    const effect = gate.before(`ask driver ${method} ${volume}`);
    socket.prependOnceListener('data', () => effect.after());
    return original.call(socket, args[0], () => effect.started());
  });
}
