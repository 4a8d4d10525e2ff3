import { messageOf } from '@drydock/base/errors';
import { parseFlags } from '@drydock/base/gflags';
import { describe, expect, it } from 'vitest';
import { executeRequest, type ExecuteRequest } from './execute-request.ts';
import { executeFlags } from './flags.ts';

const requestOf = (...argv: string[]): ExecuteRequest => executeRequest(parseFlags(executeFlags, argv).values, 'me');
const master = '--master=127.0.0.1:5050';
const complete = [master, '--name=test', '--command=ls'] as const;

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
      '--checkpoint',
      '--no-partition_aware',
      '--kill_after=2mins',
      '--content_type=application/json',
    );
    expect(request).toMatchObject({
      master: '127.0.0.1:5050',
      contentType: 'application/json',
      killAfterMs: 120_000,
      frameworkInfo: { user: 'me', role: 'dev', principal: 'p', checkpoint: true },
    });
    expect(request.frameworkInfo.capabilities).not.toContainEqual({ type: 'PARTITION_AWARE' });
    expect(request.task.resources.map(({ name }) => name)).toEqual(['cpus', 'mem', 'ports']);
    expect(request.task.command).toEqual({
      shell: true,
      value: 'ls',
      environment: {
        variables: [
          { name: 'A', type: 'VALUE', value: '1' },
          { name: 'B', type: 'VALUE', value: '' },
        ],
      },
    });
    expect(request.task).not.toHaveProperty('container');
  });

  it('leaves the command to the image without a shell', () => {
    const { command } = requestOf(master, '--name=test', '--no-shell', '--docker_image=i').task;
    expect(command).toEqual({ shell: false });
  });

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
    [[...complete, '--containerizer=docker'], "Failed to load value 'docker' for flag 'containerizer': Not supported"],
    [[...complete, '--networks=n'], "Failed to load value 'n' for flag 'networks': Not supported"],
    [[...complete, '--tty'], "Failed to load value 'true' for flag 'tty': Not supported"],
    [[...complete, '--resources=cpus'], "Failed to parse resources 'cpus': "],
    [[...complete, '--env=[]'], "flag 'env': Expecting a JSON object"],
    [[...complete, '--env={"A":1}'], "flag 'env': Expecting string values"],
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
  ])('refuses %j', (argv, problem) => {
    expect(problemOf(...argv)).toContain(problem);
  });

  it.each(['--no-tty', '--overwrite=false'])('takes %s, which asks for nothing', (flag) => {
    expect(problemOf(...complete, flag)).toBe('no problem');
  });
});
