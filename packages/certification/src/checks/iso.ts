/** What containers see of volumes, with a real agent. */
import type { CheckBodies } from '../run/check-context.ts';
import { execute, finish, idleAfter, taskInfo, writtenBy } from './agent-tasks.ts';

/** Longer than any task of these checks waits for another. */
const MEET_SECONDS = 10;
/** Waits in a task until a file is there. */
const until = (path: string): string =>
  `n=0; until [ -e ${path} ] || [ $n -ge ${MEET_SECONDS * 10} ]; do sleep 0.1; n=$((n + 1)); done; [ -e ${path} ]`;

/** As the table of the document has them. */
const PATHS = [
  { containerPath: '/data', hasImage: true },
  { containerPath: 'data', hasImage: true },
  { containerPath: 'data', hasImage: false },
] as const;

export const isoChecks: CheckBodies = idleAfter({
  async 'ISO-001'(context) {
    const volumes = [{ name: await context.createdVolume(), containerPath: '/data' }];
    const meet = (own: string, other: string): string =>
      `echo ${own} >/data/${own}; ${until(`/data/${other}`)} && cat /data/one /data/two`;
    const both = await Promise.all([
      finish(context, { command: meet('one', 'two'), volumes }),
      finish(context, { command: meet('two', 'one'), volumes }),
    ]);
    for (const lines of both) context.expect(lines.join(' ') === 'one two', 'each to read what both wrote', lines);
  },

  async 'ISO-002'(context) {
    const name = await context.createdVolume();
    const [reading] = await Promise.all([
      finish(context, {
        command: `${until('/data/written')}; cat /data/written; touch /data/refused || echo read-only`,
        volumes: [{ name, containerPath: '/data', mode: 'RO' }],
      }),
      finish(context, {
        command: 'echo text >/data/part; mv /data/part /data/written',
        volumes: [{ name, containerPath: '/data' }],
      }),
    ]);
    context.expect(reading.join(' ') === 'text read-only', 'the text, and a refused write', reading);
  },

  async 'ISO-003'(context) {
    const before = await context.agentSide.mounts();
    await finish(context, {
      command: 'true',
      volumes: [{ name: await context.createdVolume(), containerPath: '/data' }],
    });
    await (await context.realAgent()).cluster.waitUntilIdle();
    const known = new Set(before.map(({ mountpoint }) => mountpoint));
    const left = (await context.agentSide.mounts()).filter(({ mountpoint }) => !known.has(mountpoint));
    context.expect(
      left.length === 0,
      'no mount more than before the task',
      left.map(({ mountpoint }) => mountpoint),
    );
  },

  async 'ISO-005'(context) {
    const names = [await context.createdVolume(), await context.createdVolume()] as const;
    const tokens = ['token-one', 'token-two'] as const;
    const command = (own: string): string => `echo ${own} >/data/${own}; ls /data`;
    // One after the other, so that what leaks is there when it is looked for.
    for (const [index, name] of names.entries()) {
      const [own = '', foreign = ''] = [tokens[index], tokens[1 - index]];
      const lines = await finish(context, { command: command(own), volumes: [{ name, containerPath: '/data' }] });
      context.expect(lines.includes(own) && !lines.includes(foreign), `${own} alone`, lines);
    }
  },

  async 'ISO-006'(context) {
    const name = await context.createdVolume();
    for (const { containerPath, hasImage } of PATHS) {
      const command = `echo text >${containerPath}/file; cat ${containerPath}/file`;
      const lines = await finish(context, { command, volumes: [{ name, containerPath }], hasImage });
      const where = `${containerPath}, ${hasImage ? 'with' : 'without'} an image`;
      context.expect(lines.join('') === 'text', `the volume at ${where}`, lines);
    }
  },

  async 'ISO-007'(context) {
    const volumes = [{ name: await context.createdVolume(), containerPath: '/data' }];
    await finish(context, { command: 'chown 65534 /data', volumes });
    const agent = await context.realAgent();
    const task = { command: 'id -u; echo mine >/data/file; cat /data/file', volumes, user: 'nobody' };
    const info = taskInfo(agent, 'other-user', task);
    const { frameworkId } = await execute(context, agent, `--task=${JSON.stringify(info)}`);
    const lines = await writtenBy(agent, frameworkId, info.name);
    context.expect(lines.join(' ') === '65534 mine', 'the user to write where it may', lines);
    context.note("a volume's root stays root's unless the agent has --docker_volume_chown (Mesos 1.9)");
  },
});
