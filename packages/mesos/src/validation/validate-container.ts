import type { ContainerInfo } from '../v1.ts';
import { validateVolume } from './validate-volume.ts';

/** Why a container contradicts itself, or undefined. @see src/common/validation.cpp validateContainerInfo */
export function validateContainer(container: ContainerInfo): string | undefined {
  for (const volume of container.volumes ?? []) {
    const reason = validateVolume(volume);
    if (reason !== undefined) return `Invalid volume: ${reason}`;
  }
  if (container.type !== 'DOCKER') return undefined;
  if (container.docker === undefined) return "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo";
  const isNamed = (container.docker.parameters ?? []).some(({ key }) => key === 'name');
  return isNamed ? "Parameter in DockerInfo must not be 'name'" : undefined;
}
