/** Which devices a container on the host's root may use: those that the agent itself may. */
import { join } from 'node:path';
import { readTextIfThere } from '@drydock/base/read-if-there';

/** One entry of `linux.resources.devices`; no `major` or `minor` means all of them. */
export interface DeviceRule {
  readonly allow: true;
  readonly type?: 'b' | 'c';
  readonly major?: number;
  readonly minor?: number;
  /** Of `r`, `w`, `m`. */
  readonly access: string;
}

const EVERYTHING: readonly DeviceRule[] = [{ allow: true, access: 'rwm' }];

/**
 * Reads the list of the group above those of the containers. An agent in a container of a Docker Engine has a short one,
 * and the kernel lets no group allow more than its parent. Where groups list no devices, as in the unified hierarchy,
 * everything can be allowed.
 */
export async function readDeviceRules(devicesMountpoint: string | undefined): Promise<readonly DeviceRule[]> {
  if (devicesMountpoint === undefined) return EVERYTHING;
  const text = await readTextIfThere(join(devicesMountpoint, 'devices.list'));
  return text === undefined ? EVERYTHING : parseDeviceList(text);
}

/** Lines as `c 1:3 rwm`, `b 7:* rm`, `a *:* rwm`. @see Documentation/admin-guide/cgroup-v1/devices.rst */
export function parseDeviceList(text: string): readonly DeviceRule[] {
  const rules = [...text.matchAll(/^([abc]) (\*|\d+):(\*|\d+) ([rwm]+)$/gm)];
  return rules.map(([, type, major, minor, access = '']) => ({
    allow: true,
    ...(type === 'b' || type === 'c' ? { type } : {}),
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  }));
}
