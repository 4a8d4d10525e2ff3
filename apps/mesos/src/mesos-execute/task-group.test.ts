import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '@drydock/base/subprocess';
import type { Resource } from '@drydock/mesos';
import { describe, expect, it } from 'vitest';
import { ScriptedMaster, subscribed } from '@drydock/mesos/fake';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const UUID = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const scalar = (name: string, value: number): Resource => ({ name, type: 'SCALAR', scalar: { value } });

describe('mesos-execute --task_group', () => {
  it('launches the group from a path, a file URL and inline, and ends when all of its tasks have', async () => {
    const resources = [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 } }];
    const tasks = ['a', 'b'].map((id) => ({ name: `name of ${id}`, task_id: { value: id }, resources }));
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), 'mesos-execute-'));
    stack.defer(async () => await rm(directory, { recursive: true }));
    const path = join(directory, 'group.json');
    await writeFile(path, JSON.stringify({ tasks }));
    await using master = await ScriptedMaster.start((call, it) => {
      if (call.type === 'SUBSCRIBE') {
        it.send(subscribed());
        // Enough for the tasks, but not for their executor.
        it.offer([scalar('cpus', 1), scalar('mem', 32), scalar('disk', 32)], 'M-O0');
      } else if (call.type === 'DECLINE') {
        it.offer([scalar('cpus', 1.1), scalar('mem', 32), scalar('disk', 32)], 'M-O1');
      } else if (call.type === 'ACCEPT') {
        it.update({ state: 'TASK_FINISHED', task_id: { value: 'a' }, uuid: UUID });
        it.update({ state: 'TASK_FINISHED', task_id: { value: 'a' }, uuid: UUID });
        it.update({ state: 'TASK_RUNNING', task_id: { value: 'b' } });
        it.update({ state: 'TASK_KILLED', task_id: { value: 'b' } });
      }
    });
    for (const value of [path, `file://${path}`, 'group.json', JSON.stringify({ tasks })]) {
      const argv = [`--master=${master.address}`, `--task_group=${value}`, '--networks=n'];
      const result = await run([process.execPath, MAIN, ...argv], { cwd: directory, timeoutMs: 20_000 });
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      expect(result.stdout.split('\n')).toEqual([
        'Subscribed with ID M-0000',
        "Submitted task group with tasks [ a, b ] to agent 'M-S0'",
        "Received status update TASK_FINISHED for task 'a'",
        "Received status update TASK_FINISHED for task 'a'",
        "Received status update TASK_RUNNING for task 'b'",
        "Received status update TASK_KILLED for task 'b'",
        '',
      ]);
      const accept = master.calls.findLast(({ type }) => type === 'ACCEPT')?.accept;
      expect(accept?.offer_ids).toEqual([{ value: 'M-O1' }]);
      expect(accept?.operations).toEqual([
        {
          type: 'LAUNCH_GROUP',
          launch_group: {
            executor: {
              type: 'DEFAULT',
              executor_id: { value: 'default-executor' },
              framework_id: { value: 'M-0000' },
              resources: [
                { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
                { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
                { name: 'disk', type: 'SCALAR', scalar: { value: 32 } },
              ],
              container: { type: 'MESOS', network_infos: [{ name: 'n' }] },
            },
            task_group: { tasks: tasks.map((one) => ({ ...one, agent_id: { value: 'M-S0' } })) },
          },
        },
      ]);
    }
  });
});
