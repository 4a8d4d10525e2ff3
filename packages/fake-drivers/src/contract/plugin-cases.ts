import { activationCases } from './activation-cases.ts';
import { habitCases } from './habit-cases.ts';
import { lifecycleCases } from './lifecycle-cases.ts';
import type { PluginCase } from './plugin-case.ts';

/** Every case, by id. */
export const pluginCases: readonly PluginCase[] = [...activationCases, ...lifecycleCases, ...habitCases];
