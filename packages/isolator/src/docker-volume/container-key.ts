import type { ContainerID } from '@drydock/mesos';

/** One text per container, its parents included: a child's id may repeat below another parent. */
export function containerKey({ value, parent }: ContainerID): string {
  return parent === undefined ? value : `${containerKey(parent)}/${value}`;
}

/** As upstream prints it, `parent.child`. @see src/common/type_utils.cpp */
export function containerText({ value, parent }: ContainerID): string {
  return parent === undefined ? value : `${containerText(parent)}.${value}`;
}

/** 0 without a parent. */
export function containerDepth({ parent }: ContainerID): number {
  return parent === undefined ? 0 : 1 + containerDepth(parent);
}
