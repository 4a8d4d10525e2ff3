import type { Offer, SchedulerCall, TaskState, TaskStatus } from '@drydock/mesos';
import { parseResources } from '@drydock/mesos';
import { describe, expect, it } from 'vitest';
import { decide, initialState, type Context, type FrameworkState, type Step } from './framework.ts';
import type { FrameworkRecord } from './state-file.ts';

const flags = { image: 'ubuntu:14.04', driver: 'convoy', volume: 'v', role: '*' };
const UUID = Buffer.alloc(16, 7);
const both: FrameworkRecord = {
  frameworkId: 'F',
  tasks: {
    writer: { taskId: 'writer-1', agentId: 'S1', state: 'TASK_RUNNING' },
    reader: { taskId: 'reader-1', agentId: 'S2', state: 'TASK_RUNNING' },
  },
};
const onlyReader: FrameworkRecord = { frameworkId: 'F', tasks: { reader: { ...aReader() } } };

function aReader(): NonNullable<FrameworkRecord['tasks']['reader']> {
  return { taskId: 'reader-1', agentId: 'S2', state: 'TASK_RUNNING' };
}

/** A framework under test: what it is told, in order, and what the last step was. */
class Story {
  state: FrameworkState;
  nowMs = 1_000_000;
  #launchCount = 0;
  readonly #context: Pick<Context, 'random' | 'flags'>;

  constructor(record: FrameworkRecord) {
    this.state = initialState(record);
    this.#context = { flags, random: () => String((this.#launchCount += 1)) };
  }

  #take(event: Parameters<typeof decide>[1]): Step {
    const step = decide(this.state, event, { ...this.#context, nowMs: this.nowMs });
    this.state = step.state;
    return step;
  }

  subscribed(id = 'F'): Step {
    return this.#take({ type: 'SUBSCRIBED', subscribed: { framework_id: { value: id } } });
  }

  /** One batch of offers, by the agents' names. */
  offers(...agents: readonly string[]): Step {
    return this.#take({ type: 'OFFERS', offers: { offers: agents.map((agent) => anOffer(agent)) } });
  }

  tooSmallOffer(agent: string): Step {
    return this.#take({ type: 'OFFERS', offers: { offers: [anOffer(agent, 'cpus:0.05;mem:1000')] } });
  }

  update(taskId: string, state: TaskState, more: Partial<TaskStatus> = {}): Step {
    const status = { task_id: { value: taskId }, agent_id: { value: 'S1' }, state, ...more };
    return this.#take({ type: 'UPDATE', update: { status } });
  }

  heartbeat(): Step {
    return this.#take({ type: 'HEARTBEAT' });
  }

  get tasks(): FrameworkRecord['tasks'] {
    return this.state.record.tasks;
  }
}

function anOffer(agent: string, resources = 'cpus:4;mem:1000'): Offer {
  return {
    id: { value: `O-${agent}` },
    framework_id: { value: 'F' },
    agent_id: { value: agent },
    hostname: agent,
    resources: parseResources(resources),
  };
}

const typesOf = ({ calls }: Step): readonly unknown[] => calls.map(({ type }) => type);
const launched = ({ calls }: Step): readonly (readonly [string, string])[] =>
  calls.flatMap(({ accept }) =>
    (accept?.operations ?? []).flatMap(({ launch }) =>
      (launch?.task_infos ?? []).map(({ task_id, agent_id }) => [task_id.value, agent_id.value] as const),
    ),
  );
const declined = ({ calls }: Step): readonly unknown[] =>
  calls.flatMap(({ decline }) => (decline === undefined ? [] : [decline.filters?.refuse_seconds]));
const revive: SchedulerCall = { type: 'REVIVE' };
const suppress: SchedulerCall = { type: 'SUPPRESS' };

describe('after SUBSCRIBED, the framework', () => {
  it('keeps its id and asks for offers when it has no tasks', () => {
    const story = new Story({ tasks: {} });
    const { calls, state } = story.subscribed('new');
    expect(state.record).toEqual({ frameworkId: 'new', tasks: {} });
    expect(calls).toEqual([{ type: 'RECONCILE', reconcile: {} }, revive]);
  });

  it('asks for its tasks by name, then for all, and wants no offers while it has both', () => {
    const { calls, state } = new Story(both).subscribed();
    expect(state.record).toBe(both);
    const tasks = [
      { task_id: { value: 'writer-1' }, agent_id: { value: 'S1' } },
      { task_id: { value: 'reader-1' }, agent_id: { value: 'S2' } },
    ];
    expect(calls).toEqual([
      { type: 'RECONCILE', reconcile: { tasks } },
      { type: 'RECONCILE', reconcile: {} },
      suppress,
    ]);
  });

  it('launches nothing before its tasks are known to be gone', () => {
    const story = new Story(both);
    story.subscribed();
    expect(launched(story.offers('S1', 'S2'))).toEqual([]);
    story.update('writer-1', 'TASK_GONE');
    story.nowMs += 60_000;
    expect(launched(story.offers('S3'))).toEqual([['writer-1', 'S3']]);
  });
});

describe('with offers, the framework', () => {
  it('launches writer and reader apart, with their volume, and then wants no more', () => {
    const story = new Story({ frameworkId: 'F', tasks: {} });
    const step = story.offers('S1', 'S1b', 'S2');
    expect(launched(step)).toEqual([
      ['writer-1', 'S1'],
      ['reader-2', 'S1b'],
    ]);
    expect(typesOf(step)).toEqual(['ACCEPT', 'ACCEPT', 'DECLINE', 'SUPPRESS']);
    expect(declined(step)).toEqual([3_600]);
    expect(story.tasks).toEqual({
      writer: { taskId: 'writer-1', agentId: 'S1', state: 'TASK_STAGING' },
      reader: { taskId: 'reader-2', agentId: 'S1b', state: 'TASK_STAGING' },
    });
    const [writer, reader] = step.calls.map(({ accept }) => accept?.operations?.[0]?.launch?.task_infos?.[0]);
    expect(writer).toMatchObject({
      name: 'writer',
      resources: parseResources('cpus:0.1;mem:32').map((one) => ({ ...one, role: '*' })),
      container: {
        type: 'MESOS',
        mesos: { image: { type: 'DOCKER', docker: { name: 'ubuntu:14.04' } } },
        volumes: [
          {
            container_path: '/shared',
            mode: 'RW',
            source: { type: 'DOCKER_VOLUME', docker_volume: { driver: 'convoy', name: 'v' } },
          },
        ],
      },
    });
    expect(reader?.container?.volumes?.[0]?.mode).toBe('RO');
  });

  it('waits for another agent for three offers, then lets the two share one', () => {
    const story = new Story({ frameworkId: 'F', tasks: {} });
    expect(launched(story.offers('S1'))).toEqual([['writer-1', 'S1']]);
    for (let count = 0; count < 3; count += 1) {
      story.tooSmallOffer('S9');
      const step = story.offers('S1');
      expect(launched(step)).toEqual([]);
      expect(declined(step)).toEqual([2]);
    }
    expect(launched(story.offers('S1'))).toEqual([['reader-2', 'S1']]);
  });

  it('takes another agent as soon as there is one', () => {
    const story = new Story(onlyReader);
    story.offers('S2');
    expect(launched(story.offers('S2', 'S1'))).toEqual([['writer-1', 'S1']]);
  });

  it('declines what is too small', () => {
    const story = new Story({ frameworkId: 'F', tasks: {} });
    const step = story.tooSmallOffer('S1');
    expect(typesOf(step)).toEqual(['DECLINE']);
    expect(declined(step)).toEqual([2]);
  });
});

describe('with updates, the framework', () => {
  it('acknowledges what has a uuid, before anything else, and nothing that has none', () => {
    const story = new Story(both);
    const step = story.update('writer-1', 'TASK_FAILED', { uuid: UUID });
    expect(step.calls).toEqual([
      {
        type: 'ACKNOWLEDGE',
        acknowledge: { task_id: { value: 'writer-1' }, agent_id: { value: 'S1' }, uuid: UUID },
      },
      revive,
    ]);
    expect(new Story(both).update('writer-1', 'TASK_RUNNING').calls).toEqual([]);
    expect(typesOf(new Story(both).update('of-nobody', 'TASK_FINISHED', { uuid: UUID }))).toEqual(['ACKNOWLEDGE']);
  });

  it('records a new state, and leaves the record alone when it is the same', () => {
    const story = new Story(both);
    story.update('writer-1', 'TASK_RUNNING');
    expect(story.state.record).toBe(both);
    story.update('writer-1', 'TASK_KILLING');
    expect(story.tasks.writer).toEqual({ taskId: 'writer-1', agentId: 'S1', state: 'TASK_KILLING' });
  });

  it.each<TaskState>([
    'TASK_FINISHED',
    'TASK_FAILED',
    'TASK_KILLED',
    'TASK_ERROR',
    'TASK_LOST',
    'TASK_DROPPED',
    'TASK_GONE',
    'TASK_GONE_BY_OPERATOR',
    'TASK_UNREACHABLE',
  ])('asks for offers and launches another one after %s', (state) => {
    const story = new Story(both);
    expect(story.update('writer-1', state).calls).toEqual([revive]);
    expect(story.tasks).toEqual({ reader: both.tasks.reader });
    expect(launched(story.offers('S1'))).toEqual([['writer-1', 'S1']]);
  });

  it('waits for longer and longer with a task that ends at once, and not with one that has run', () => {
    const story = new Story(onlyReader);
    const waits: unknown[] = [];
    for (let count = 1; count <= 8; count += 1) {
      expect(launched(story.offers('S1'))).toEqual([[`writer-${count}`, 'S1']]);
      story.update(`writer-${count}`, 'TASK_FAILED');
      const step = story.offers('S1');
      expect(launched(step)).toEqual([]);
      waits.push(...declined(step));
      story.nowMs += 60_000;
    }
    expect(waits).toEqual([2, 2, 4, 8, 16, 32, 60, 60]);
    story.offers('S1');
    story.nowMs += 30_000;
    story.update('writer-9', 'TASK_FAILED');
    expect(launched(story.offers('S1'))).toEqual([['writer-10', 'S1']]);
  });

  it('gives a task up that the master goes on not to know, and not before', () => {
    const story = new Story(both);
    story.subscribed();
    for (let count = 0; count < 3; count += 1) expect(story.update('writer-1', 'TASK_UNKNOWN').calls).toEqual([]);
    story.update('writer-1', 'TASK_RUNNING');
    for (let count = 0; count < 3; count += 1) expect(story.update('writer-1', 'TASK_UNKNOWN').calls).toEqual([]);
    expect(story.tasks.writer?.taskId).toBe('writer-1');
    expect(story.update('writer-1', 'TASK_UNKNOWN').calls).toEqual([revive]);
    expect(story.tasks.writer).toBeUndefined();
  });

  it('takes over a task that another instance launched, when one is missing', () => {
    const story = new Story(onlyReader);
    expect(story.update('writer-x', 'TASK_RUNNING').calls).toEqual([suppress]);
    expect(story.tasks.writer).toEqual({ taskId: 'writer-x', agentId: 'S1', state: 'TASK_RUNNING' });
  });

  it.each(['writer-old', 'unknown'])('kills %s when it is not needed', (taskId) => {
    const story = new Story(both);
    const kill = { task_id: { value: taskId }, agent_id: { value: 'S1' } };
    expect(story.update(taskId, 'TASK_RUNNING').calls).toEqual([{ type: 'KILL', kill }]);
    expect(story.update(taskId, 'TASK_KILLING').calls).toEqual([]);
    expect(story.update(taskId, 'TASK_KILLED').calls).toEqual([]);
    expect(story.state.record).toBe(both);
  });
});

describe('with each heartbeat, the framework', () => {
  it('asks again for tasks of which it has not heard', () => {
    const story = new Story(onlyReader);
    story.subscribed();
    story.update('reader-1', 'TASK_RUNNING', { agent_id: { value: 'S2' } });
    expect(story.heartbeat().calls).toEqual([]);
    story.offers('S1');
    const task = { task_id: { value: 'writer-1' }, agent_id: { value: 'S1' } };
    expect(story.heartbeat().calls).toEqual([{ type: 'RECONCILE', reconcile: { tasks: [task] } }]);
    story.update('writer-1', 'TASK_STARTING', { uuid: UUID });
    expect(story.heartbeat().calls).toEqual([]);
  });
});

it('the framework ignores events that it does not need', () => {
  const state = initialState(both);
  const context = { nowMs: 0, random: () => '', flags };
  for (const event of [
    { type: 'RESCIND', rescind: { offer_id: { value: 'O' } } },
    { type: 'FAILURE', failure: {} },
    { type: 'UNKNOWN' },
  ] as const) {
    expect(decide(state, event, context)).toEqual({ state, calls: [], news: [] });
  }
});
