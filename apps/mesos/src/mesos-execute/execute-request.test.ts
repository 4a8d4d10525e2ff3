import { messageOf } from '@drydock/base/errors';
import { parseFlags } from '@drydock/base/gflags';
import type { ContainerInfo } from '@drydock/mesos';
import { describe, expect, it } from 'vitest';
import { executeRequest, type ExecuteRequest, type TaskToRun } from './execute-request.ts';
import { executeFlags } from './flags.ts';

const taskOf = (...argv: string[]): TaskToRun | undefined => {
  const { launch } = requestOf(...argv);
  return launch.kind === 'task' ? launch.task : undefined;
};
const requestOf = (...argv: string[]): ExecuteRequest => executeRequest(parseFlags(executeFlags, argv).values, 'me');
const master = '--master=127.0.0.1:5050';
const complete = [master, '--name=test', '--command=ls'] as const;

const TASK = '{"name":"n","task_id":{"value":"n"}}';
const GROUP = `{"tasks":[${TASK}]}`;

const problemOf = (...argv: string[]): string => {
  try {
    requestOf(...argv);
  } catch (error) {
    return messageOf(error);
  }
  return 'no problem';
};

describe('executeRequest', () => {
  it('fills a task and its framework from every flag', () => {
    const request = requestOf(
      ...complete,
      '--env={"A":"1","B":""}',
      '--resources=cpus:0.5;mem:32;ports:[1-2]',
      '--role=dev',
      '--principal=p',
      '--secret=s',
      '--framework_capabilities=GPU_RESOURCES',
      '--checkpoint',
      '--no-partition_aware',
      '--kill_after=2mins',
      '--content_type=application/json',
    );
    expect(request).toMatchObject({
      master: '127.0.0.1:5050',
      contentType: 'application/json',
      killAfterMs: 120_000,
      credential: { principal: 'p', secret: 's' },
      frameworkInfo: { user: 'me', role: 'dev', principal: 'p', checkpoint: true },
    });
    expect(request.frameworkInfo.capabilities).toEqual([
      { type: 'RESERVATION_REFINEMENT' },
      { type: 'TASK_KILLING_STATE' },
      { type: 'REVOCABLE_RESOURCES' },
      { type: 'GPU_RESOURCES' },
    ]);
    const task = request.launch.kind === 'task' ? request.launch.task : undefined;
    expect(task?.resources?.map(({ name }) => name)).toEqual(['cpus', 'mem', 'ports']);
    expect(task?.command).toEqual({
      shell: true,
      value: 'ls',
      environment: {
        variables: [
          { name: 'A', type: 'VALUE', value: '1' },
          { name: 'B', type: 'VALUE', value: '' },
        ],
      },
    });
    expect(task).not.toHaveProperty('container');
  });

  it("has upstream's defaults", () => {
    expect(parseFlags(executeFlags, [master]).texts).toEqual({
      master: '127.0.0.1:5050',
      shell: 'true',
      resources: 'cpus:1;mem:128',
      hadoop: 'hadoop',
      hdfs: 'localhost:9000',
      overwrite: 'false',
      checkpoint: 'false',
      containerizer: 'mesos',
      role: '*',
      content_type: 'protobuf',
      tty: 'false',
      partition_aware: 'true',
    });
  });

  it('leaves the command to the image without a shell', () => {
    const task = taskOf(master, '--name=test', '--no-shell', '--docker_image=i');
    expect(task?.command).toEqual({ shell: false });
  });

  it.each<[string[], ContainerInfo | undefined]>([
    [[], undefined],
    [['--networks=', '--volumes=[]', '--no-tty'], undefined],
    [['--docker_image=i'], { type: 'MESOS', mesos: { image: { type: 'DOCKER', docker: { name: 'i' } } } }],
    [
      ['--appc_image=i'],
      {
        type: 'MESOS',
        mesos: {
          image: {
            type: 'APPC',
            appc: {
              name: 'i',
              labels: {
                labels: [
                  { key: 'os', value: 'linux' },
                  { key: 'arch', value: 'amd64' },
                ],
              },
            },
          },
        },
      },
    ],
    [['--networks=a,,b'], { type: 'MESOS', network_infos: [{ name: 'a' }, { name: 'b' }] }],
    [['--tty'], { type: 'MESOS', tty_info: {} }],
    [
      ['--effective_capabilities={"capabilities":["NET_RAW","SYS_ADMIN"]}', '--bounding_capabilities={}'],
      {
        type: 'MESOS',
        linux_info: { effective_capabilities: { capabilities: ['NET_RAW', 'SYS_ADMIN'] }, bounding_capabilities: {} },
      },
    ],
    [
      ['--rlimits={"rlimits":[{"type":"RLMT_CPU","soft":"1","hard":"1"},{"type":"RLMT_FSIZE"}]}'],
      {
        type: 'MESOS',
        rlimit_info: { rlimits: [{ type: 'RLMT_CPU', soft: 1, hard: 1 }, { type: 'RLMT_FSIZE' }] },
      },
    ],
    [['--containerizer=docker', '--docker_image=i'], { type: 'DOCKER', docker: { image: 'i' } }],
    [
      ['--containerizer=docker', '--docker_image=i', '--networks=n', '--volumes=[{"mode":"RO","container_path":"/v"}]'],
      {
        type: 'DOCKER',
        volumes: [{ mode: 'RO', container_path: '/v' }],
        docker: { image: 'i', network: 'USER' },
        network_infos: [{ name: 'n' }],
      },
    ],
  ])('sends for %j the container %j', (flags, container) => {
    expect(taskOf(...complete, ...flags)?.container).toEqual(container);
  });

  it('takes a task as it is, and no agent for it', () => {
    const task = { name: 'n', task_id: { value: 'i' }, command: { value: 'ls' }, labels: { labels: [{ key: 'a' }] } };
    expect(taskOf(master, `--task=${JSON.stringify(task)}`)).toEqual({ ...task, agent_id: { value: '' } });
  });

  it('takes a task group as it is, no agent for its tasks, and networks for its executor', () => {
    const task = { name: 'n', task_id: { value: 'n' }, agent_id: { value: '' } };
    expect(requestOf(master, `--task_group=${GROUP}`, '--networks=a,,b').launch).toEqual({
      kind: 'group',
      tasks: [task],
      networks: ['a', 'b'],
    });
  });

  it.each(['--hadoop=h', '--hdfs=h:1', '--overwrite', '--secret=s'])(
    'takes %s, which asks for nothing alone',
    (flag) => {
      expect(requestOf(...complete, flag)).toEqual(requestOf(...complete));
    },
  );

  it.each(['localhost:5050', '10.0.0.1:1', '[::1]:65535'])('takes the master %s', (address) => {
    expect(requestOf(`--master=${address}`, '--name=test', '--command=ls').master).toBe(address);
  });

  it.each([
    [['--master=h', '--name=test', '--command=ls'], 'Could not parse --master=h'],
    [['--master=h:0', '--name=test', '--command=ls'], 'Could not parse --master=h:0'],
    [['--master=h:65536', '--name=test', '--command=ls'], 'Could not parse --master=h:65536'],
    [['--master=zk://h:2181/mesos', '--name=test', '--command=ls'], 'Could not parse --master=zk://h:2181/mesos'],
    [['--name=test', '--command=ls'], "Flag 'master' is required, but it was not provided"],
    [[master, '--command=ls'], 'Missing required option --name'],
    [[master, '--name=test'], 'Missing required option --command'],
    [[...complete, '--content_type=xml'], "Invalid content type 'xml'"],
    [[...complete, '--containerizer=rkt'], 'Unsupported containerizer: rkt'],
    [[...complete, '--containerizer='], 'Unsupported containerizer: '],
    [[...complete, '--containerizer=docker'], "'Docker' containerizer requires docker image name"],
    [
      [...complete, '--containerizer=docker', '--docker_image=i', '--networks=a,b'],
      "'Docker' containerizer can only support a single network",
    ],
    [
      [...complete, '--containerizer=docker', '--docker_image=i', '--tty'],
      "'Docker' containerizer does not allow attaching a TTY",
    ],
    [[...complete, '--docker_image=i', '--appc_image=i'], "Flags '--docker-image' and '--appc-image' are both set"],
    [
      [...complete, '--framework_capabilities=REGION_AWARE'],
      "Flags '--framework_capabilities' specifies an unsupported capability 'REGION_AWARE'",
    ],
    [
      [...complete, '--framework_capabilities=GPU_RESOURCES,nope'],
      "Flags '--framework_capabilities' specifies an unknown capability 'nope'",
    ],
    [[...complete, '--package=p'], "'--package' is not supported: nothing is uploaded into HDFS here"],
    [[...complete, '--rlimits=[]'], "Failed to load value '[]' for flag 'rlimits': Expecting a JSON object"],
    [
      [...complete, '--rlimits={"rlimits":[{"soft":"x"}]}'],
      "for flag 'rlimits': Not expecting a JSON string for field 'soft'",
    ],
    [
      [...complete, '--effective_capabilities={"capabilities":true}'],
      "Failed to load value '{\"capabilities\":true}' for flag 'effective_capabilities': ",
    ],
    [[...complete, '--bounding_capabilities={'], "for flag 'bounding_capabilities': Expecting JSON: "],
    [
      [master, `--task=${TASK}`, `--task_group=${GROUP}`],
      "Either task or task group should be set but not both. Provide either '--task' OR '--task_group'",
    ],
    ...['--name=n', '--command=c', '--env={}', '--appc_image=i', '--docker_image=i', '--volumes=[]'].flatMap(
      (flag): [string[], string][] =>
        [`--task=${TASK}`, `--task_group=${GROUP}`].map((task) => [
          [master, task, flag],
          "'--name, --command, --env, --appc_image, --docker_image, --volumes' can only be set when both '--task' and '--task_group' are not set",
        ]),
    ),
    [[master, `--task=${TASK}`, '--networks=n'], "'--networks' can only be set when '--task' is not set"],
    [[master, '--task_group={}'], "Expecting '--task_group' to have at least one task"],
    [[master, '--task_group=[]'], "for flag 'task_group': Expecting a JSON object"],
    [[master, '--task={"name":"n"}'], "for flag 'task': Missing required fields: task_id"],
    [[master, '--task=[]'], "for flag 'task': Expecting a JSON object"],
    [
      [master, '--task_group={"tasks":[{"name":"n"}]}'],
      "for flag 'task_group': Missing required fields: tasks[0].task_id",
    ],
    [[master, '--task_group={"tasks":[1]}'], "for flag 'task_group': Not expecting a JSON number for field 'tasks'"],
    [[master, `--task=${TASK}`, '--content_type=xml'], "Invalid content type 'xml'"],
    [[...complete, '--resources=cpus'], "Failed to parse resources 'cpus': "],
    [[...complete, '--env=[]'], "flag 'env': Expecting a JSON object"],
    [[...complete, '--env={"A":1}'], "flag 'env': The value of key 'A' in '{\"A\":1}' is not a string"],
    [[...complete, '--volumes={}'], "flag 'volumes': Expecting a JSON array"],
    [[...complete, '--volumes='], "flag 'volumes': Expecting JSON"],
    [
      [...complete, '--volumes=[{"container_path":"/v"}]'],
      "Failed to convert '--volumes' to protobuf: Missing required fields: mode",
    ],
    [
      [...complete, '--volumes=[{"mode":"RX","container_path":"/v"}]'],
      "Failed to convert '--volumes' to protobuf: Failed to find enum for 'RX'",
    ],
  ] as [string[], string][])('refuses %j', (argv, problem) => {
    expect(problemOf(...argv)).toContain(problem);
  });
});
