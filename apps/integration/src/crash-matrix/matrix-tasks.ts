import type { Resource, TaskInfo, Volume } from '@drydock/mesos';
import { TASK_VARIABLE, VOLUMES_VARIABLE } from './holders.ts';
import { IMAGE_NAME } from './small-image.ts';

export interface MatrixTask {
  readonly info: Omit<TaskInfo, 'agent_id'>;
  /** What its processes are known by. */
  readonly mark: string;
}

export interface MatrixTasks {
  /** Has an image and two volumes, and stays. */
  readonly keeper: MatrixTask;
  /** Shares one of them, and ends. */
  readonly writer: MatrixTask;
  readonly volumes: readonly string[];
  /** Where each leaves its text, and that text. */
  readonly kept: { readonly volume: string; readonly file: string };
  readonly written: { readonly volume: string; readonly file: string };
}

/** Marks and names of volumes begin with `run`, which is unique on the machine. */
export function matrixTasks(run: string, driver: string): MatrixTasks {
  const [shared, own] = [`${run}-shared`, `${run}-own`];
  // Each text appears as a whole, by a rename.
  const leave = (directory: string, file: string): string =>
    `echo ${file} > ${directory}/.${file} && mv ${directory}/.${file} ${directory}/${file}`;
  const task = (name: string, command: string, volumes: readonly Volume[], hasImage: boolean): MatrixTask => {
    const mark = `${run}-${name}`;
    const names = volumes.flatMap(({ source }) => source?.docker_volume?.name ?? []);
    const variables = [
      { name: TASK_VARIABLE, value: mark },
      { name: VOLUMES_VARIABLE, value: names.join(',') },
    ];
    const image = { type: 'DOCKER' as const, docker: { name: IMAGE_NAME } };
    return {
      mark,
      info: {
        name,
        task_id: { value: name },
        resources: [scalar('cpus', 0.1), scalar('mem', 32)],
        command: { value: command, environment: { variables } },
        container: { type: 'MESOS', volumes: [...volumes], ...(hasImage ? { mesos: { image } } : {}) },
      },
    };
  };
  const keeping = `${leave('/own', 'kept')} && exec sleep 600`;
  return {
    keeper: task('keeper', keeping, [volume(driver, shared, '/shared'), volume(driver, own, '/own')], true),
    writer: task('writer', leave('shared', 'written'), [volume(driver, shared, 'shared')], false),
    volumes: [shared, own],
    kept: { volume: own, file: 'kept' },
    written: { volume: shared, file: 'written' },
  };
}

function volume(driver: string, name: string, path: string): Volume {
  return { container_path: path, mode: 'RW', source: { type: 'DOCKER_VOLUME', docker_volume: { driver, name } } };
}

function scalar(name: string, value: number): Resource {
  return { name, type: 'SCALAR', scalar: { value } };
}
