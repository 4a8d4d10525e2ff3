/** Tasks of the real agent as checks want them: that finish, with what they wrote. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RealAgent, TaskVolume } from '../driver/real-agent.ts';
import type { CheckBodies, CheckBody, CheckContext } from '../run/check-context.ts';
import { CheckFailedError } from '../run/outcome.ts';

const IMAGE = 'ubuntu:14.04';
const TASK_MS_MAX = 50_000;

export interface FinishingTask {
  readonly command: string;
  readonly volumes: readonly TaskVolume[];
  /** Default true; without one the task sees the host's file system. */
  readonly hasImage?: boolean;
  readonly user?: string;
}

/** A task of the scheduler API, whose agent_id is missing. */
export type TaskWithoutAgent = Readonly<Record<string, unknown>> & { readonly name: string };

/** A body after which nothing of its tasks is left to clean up: the driver is done with them before its volumes are removed. */
export function idleAfter(bodies: CheckBodies): CheckBodies {
  return Object.fromEntries(
    Object.entries(bodies).map(([id, body]): [string, CheckBody] => [
      id,
      async (context) => {
        await body(context);
        await (await context.realAgent()).cluster.waitUntilIdle();
      },
    ]),
  );
}

/** Runs a task that has to finish; gives the lines that its command wrote. @throws CheckFailedError when it does not */
export async function finish(context: CheckContext, task: FinishingTask): Promise<readonly string[]> {
  const { command, volumes, hasImage = true } = task;
  const agent = await context.realAgent();
  const image = hasImage ? {} : { image: null };
  const executed = await agent.task({ command, volumes, signal: context.signal, ...image });
  if (executed.states.at(-1) === 'TASK_FINISHED') return linesOf(executed.stdout);
  throw new CheckFailedError({
    expected: `the task \`${command}\` to finish`,
    got: `${executed.states.join(', ')} (${executed.message})`,
  });
}

/** Runs tasks of `--task` or `--task_group`; gives the last state of each and the framework. */
export async function execute(
  { signal }: CheckContext,
  agent: RealAgent,
  flag: `--task=${string}` | `--task_group=${string}`,
): Promise<{ readonly states: ReadonlyMap<string, string>; readonly frameworkId: string; readonly said: string }> {
  const argv = [`--master=${agent.cluster.master}`, flag];
  const { stdout } = await agent.cluster.run('mesos-execute', argv, { signal, timeoutMs: TASK_MS_MAX });
  const updates = [...stdout.matchAll(/^Received status update (TASK_\w+) for task '(.*)'$/gm)];
  const frameworkId = /^Subscribed with ID (\S+)$/m.exec(stdout)?.[1] ?? '';
  return { states: new Map(updates.map(([, state = '', id = '']) => [id, state])), frameworkId, said: stdout };
}

export function taskInfo(agent: RealAgent, name: string, task: FinishingTask): TaskWithoutAgent {
  const { command, volumes, hasImage = true, user } = task;
  return {
    name,
    task_id: { value: name },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
    ],
    command: { value: command, ...(user === undefined ? {} : { user }) },
    container: {
      type: 'MESOS',
      ...(hasImage ? { mesos: { image: { type: 'DOCKER', docker: { name: IMAGE } } } } : {}),
      volumes: JSON.parse(agent.volumesJson(volumes)) as unknown,
    },
  };
}

/** What a task wrote to the stdout of its sandbox. */
export async function writtenBy(agent: RealAgent, frameworkId: string, task: string): Promise<readonly string[]> {
  const sandbox = await agent.cluster.sandbox(frameworkId, task);
  return sandbox === undefined ? [] : linesOf(await readFile(join(sandbox, 'stdout'), 'utf8'));
}

/** Without the executor's lines: those before the command and the last one. */
function linesOf(stdout: string): readonly string[] {
  const lines = stdout.split('\n');
  const command = lines.findIndex((line) => line.startsWith('sh -c '));
  return lines.slice(command + 1).filter((line) => line !== '' && !line.startsWith('Command exited with status'));
}
