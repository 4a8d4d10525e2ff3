/** The two tasks: what runs in which container, with which volume. */
import { parseResources, type Offer, type Resource, type TaskInfo } from '@drydock/mesos';
import type { Flags } from './flags.ts';

export const KINDS = ['writer', 'reader'] as const;
export type Kind = (typeof KINDS)[number];

/** What each task takes of an offer. */
export const TASK_RESOURCES: readonly Resource[] = parseResources('cpus:0.1;mem:32');

const MOUNT_PATH = '/shared';

/** Shell of an image with little in it. A command that fails ends its task, and the framework launches another. */
const COMMANDS: Readonly<Record<Kind, (taskId: string) => string>> = {
  writer: (taskId) =>
    `set -e; n=0; while true; do n=$((n+1)); echo "line $n of ${taskId}" >>${MOUNT_PATH}/lines; sleep 1; done`,
  reader: () =>
    `set -e; while true; do if [ -e ${MOUNT_PATH}/lines ]; then tail -n 1 ${MOUNT_PATH}/lines; fi; sleep 1; done`,
};

/** A task id is never used twice, not even by two instances that do not know of each other. */
export function newTaskId(kind: Kind, random: string): string {
  return `${kind}-${random}`;
}

/** Of a task id that some instance of this framework made. */
export function kindOf(taskId: string): Kind | undefined {
  return KINDS.find((kind) => taskId.startsWith(`${kind}-`));
}

/** `resources` have to be part of the offer. */
export function taskInfo(
  kind: Kind,
  taskId: string,
  offer: Offer,
  resources: Resource[],
  { image, driver, volume }: Pick<Flags, 'image' | 'driver' | 'volume'>,
): TaskInfo {
  return {
    name: kind,
    task_id: { value: taskId },
    agent_id: offer.agent_id,
    resources,
    command: { shell: true, value: COMMANDS[kind](taskId) },
    container: {
      type: 'MESOS',
      mesos: { image: { type: 'DOCKER', docker: { name: image } } },
      volumes: [
        {
          container_path: MOUNT_PATH,
          mode: kind === 'writer' ? 'RW' : 'RO',
          source: { type: 'DOCKER_VOLUME', docker_volume: { driver, name: volume } },
        },
      ],
    },
  };
}
