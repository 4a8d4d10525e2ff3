import type { Volume } from '../v1.ts';

/**
 * Why a volume contradicts itself, or undefined. Whether its kind is implemented is not asked here.
 * @see src/common/validation.cpp validateVolume
 */
export function validateVolume(volume: Volume): string | undefined {
  const { host_path: hostPath, image, source } = volume;
  if ([hostPath, image, source].filter((one) => one !== undefined).length !== 1) {
    return "Only one of them should be set: 'host_path', 'image' and 'source'";
  }
  if (source === undefined) return undefined;
  switch (source.type) {
    case 'DOCKER_VOLUME':
      return source.docker_volume === undefined ? notSet('docker_volume', 'DOCKER_VOLUME') : undefined;
    case 'HOST_PATH':
      return source.host_path === undefined ? notSet('host_path', 'HOST_PATH') : undefined;
    case 'SANDBOX_PATH':
      return source.sandbox_path === undefined ? notSet('sandbox_path', 'SANDBOX_PATH') : undefined;
    case 'SECRET':
      return source.secret === undefined ? notSet('secret', 'SECRET') : undefined;
    case 'CSI_VOLUME':
      if (source.csi_volume === undefined) return notSet('csi_volume', 'CSI');
      return source.csi_volume.static_provisioning === undefined
        ? notSet('csi_volume.static_provisioning', 'CSI')
        : undefined;
    default:
      return "'source.type' is unknown";
  }
}

function notSet(field: string, type: string): string {
  return `'source.${field}' is not set for ${type} volume`;
}
