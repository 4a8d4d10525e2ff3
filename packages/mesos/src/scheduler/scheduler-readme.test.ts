/** The program in the README's section on the scheduler client, run as it stands but for the masters' addresses. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ScriptedMaster, subscribed } from '../fake/scripted-master.ts';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

it('the example of the README subscribes, declines what it is offered, and tears down when it is told to', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const program = /## Scheduler client\n.*?```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
  await using master = await ScriptedMaster.start((call) => {
    if (call.type === 'SUBSCRIBE') {
      master.send(subscribed());
      master.offer([]);
    }
    if (call.type === 'DECLINE') child.kill('SIGTERM');
  });
  const adapted = program.replace('127.0.0.1:5050', master.address);
  expect(adapted).not.toBe(program);
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', adapted], {
    cwd: PACKAGE,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'Subscribed with ID M-0000\n', stderr: '', exitCode: 0 });
  expect(master.callTypes).toEqual(['SUBSCRIBE', 'DECLINE', 'TEARDOWN']);
});
