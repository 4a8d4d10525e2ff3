/** Texts and places of container ids, which may be nested. */
import type { ContainerID } from './v1.ts';

/** One text per container, its parents included, `parent/child`: a child's id may repeat below another parent. */
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

/** The outermost one that it is nested in, or itself. */
export function rootContainer(id: ContainerID): ContainerID {
  return id.parent === undefined ? id : rootContainer(id.parent);
}
