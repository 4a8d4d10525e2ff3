/**
 * Prints what is on this host that should not be, while its programs run and no task does, as JSON. Arguments: the agent's
 * checkpoint directory, its control group.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findLeaks, RUN_ID_VARIABLE } from '../src/leaks.ts';

const [, , checkpointDirectory = '', cgroupsRoot = ''] = process.argv;
const RUN_DIRECTORY = '/run/drydock';

const mountPointsOf = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[4] ?? line);
const before = mountPointsOf(await readFile(join(RUN_DIRECTORY, 'mountinfo'), 'utf8'));
const now = mountPointsOf(await readFile('/proc/self/mountinfo', 'utf8'));
const left = [...before];
const newMounts = now.filter((mountPoint) => {
  const index = left.indexOf(mountPoint);
  if (index >= 0) left.splice(index, 1);
  return index < 0;
});

const programs = (await readdir(RUN_DIRECTORY)).filter((name) => name.endsWith('.pid'));
const pids = await Promise.all(programs.map(async (name) => Number(await readFile(join(RUN_DIRECTORY, name), 'utf8'))));
// The boot's own: tini, and what it waits for.
const boot = Number((await readFile('/proc/1/task/1/children', 'utf8')).split(' ')[0]);
const leaks = await findLeaks({
  runId: process.env[RUN_ID_VARIABLE] ?? '',
  runDirectory: '/var/lib',
  newMounts,
  expectedPids: new Set([1, boot, ...pids]),
  checkpointDirectories: [checkpointDirectory],
  cgroupsRoot,
});
process.stdout.write(JSON.stringify(leaks));
