/** The program in the README's section on the scheduler client, run as it stands but for the masters' addresses. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { encode } from '../codec/codec.ts';
import { schedulerCallType, schedulerEventType } from '../codec/schema.ts';
import { acceptedContentType, readCall } from '../http/content-negotiation.ts';
import { acceptedReply, streamReply } from '../http/reply.ts';
import { startHttpService } from '../http/service.ts';
import type { SchedulerCall, SchedulerEvent } from './messages.ts';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const framework_id = { value: 'F' };
const offer = { id: { value: 'O' }, framework_id, agent_id: { value: 'S' }, hostname: 'h' };
const events: readonly SchedulerEvent[] = [
  { type: 'SUBSCRIBED', subscribed: { framework_id, heartbeat_interval_seconds: 15 } },
  { type: 'OFFERS', offers: { offers: [offer] } },
];

it('the example of the README subscribes, declines what it is offered, and tears down when it is told to', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const program = /## Scheduler client\n.*?```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const calls: SchedulerCall[] = [];
  await using service = await startHttpService({
    port: 0,
    prefix: 'master',
    routes: [
      {
        method: 'POST',
        path: '/api/v1/scheduler',
        handle: (request) => {
          const call = readCall(request, schedulerCallType);
          calls.push(call);
          if (call.type === 'DECLINE') child.kill('SIGTERM');
          if (call.type !== 'SUBSCRIBE') return acceptedReply();
          const contentType = acceptedContentType(request);
          return streamReply({
            contentType,
            streamId: 'stream',
            open: (stream) => {
              for (const event of events) stream.send(encode(schedulerEventType, event, contentType));
            },
          });
        },
      },
    ],
  });
  const adapted = program.replace('127.0.0.1:5050', `127.0.0.1:${service.port}`);
  expect(adapted).not.toBe(program);
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', adapted], {
    cwd: PACKAGE,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'Subscribed with ID F\n', stderr: '', exitCode: 0 });
  expect(calls.map(({ type }) => type)).toEqual(['SUBSCRIBE', 'DECLINE', 'TEARDOWN']);
});
