import type { CheckBodies } from '../run/check-context.ts';

/** The protocol. @see https://docs.docker.com/engine/extend/plugins_volume/ */
export const proChecks: CheckBodies = {};
