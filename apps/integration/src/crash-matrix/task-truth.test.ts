import { describe, expect, it } from 'vitest';
import { judgeTask, type TaskFacts } from './task-truth.ts';

const facts = (more: Partial<TaskFacts>): TaskFacts => ({
  name: 'writer',
  states: ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'],
  isInterrupted: true,
  isAfterKill: false,
  isKilled: false,
  data: 'written\n',
  ...more,
});
const busy = "Docker volume 'v' cannot be used: it may still be mounted";

describe('judgeTask', () => {
  it.each<[string, Partial<TaskFacts>]>([
    ['a task that finished and has written', {}],
    ['one that finished before its start was told', { states: ['TASK_FINISHED'] }],
    ['one that was dropped with its agent', { states: ['TASK_DROPPED'], data: undefined }],
    ['one that was killed because somebody asked for it', { states: ['TASK_RUNNING', 'TASK_KILLED'], isKilled: true }],
    [
      'one whose agent forgot who killed it',
      {
        states: ['TASK_RUNNING', 'TASK_FAILED'],
        isKilled: true,
        message: 'Command terminated with signal Terminated',
      },
    ],
    [
      'one that does not get a volume about which nobody is sure',
      { states: ['TASK_FAILED'], isInterrupted: false, isAfterKill: true, data: undefined, message: busy },
    ],
  ])('believes %s', (_, more) => {
    expect(judgeTask(facts(more))).toEqual([]);
  });

  it.each<[string, Partial<TaskFacts>, string]>([
    ['never ended', { states: ['TASK_RUNNING'] }, 'it never ended'],
    ['was never heard of', { states: [] }, 'it never ended'],
    ['finished without data', { data: undefined }, 'its data are gone'],
    ['ran, and is said to be dropped', { states: ['TASK_DROPPED'] }, 'it ran, and was ended with its agent'],
    ['was running and is lost', { states: ['TASK_RUNNING', 'TASK_LOST'] }, 'it ran, and was ended with its agent'],
    ['failed without a cause', { states: ['TASK_FAILED'], isInterrupted: false, data: undefined }, 'it did not run'],
    ['was killed by nobody', { states: ['TASK_RUNNING', 'TASK_KILLED'] }, 'nobody asked for that'],
    ['has a state after its end', { states: ['TASK_FINISHED', 'TASK_RUNNING'] }, 'and then it had another state'],
    [
      'has other processes than before',
      { states: ['TASK_RUNNING', 'TASK_KILLED'], isKilled: true, processes: [1, 2], laterProcesses: [2] },
      'its processes were ended',
    ],
    [
      'does not get a volume though no agent was killed',
      { states: ['TASK_FAILED'], isInterrupted: false, data: undefined, message: busy },
      'it did not run',
    ],
  ])('does not believe a task that %s', (_, more, problem) => {
    expect(judgeTask(facts(more))).toEqual([{ kind: 'lost', what: expect.stringContaining(problem) }]);
  });
});
