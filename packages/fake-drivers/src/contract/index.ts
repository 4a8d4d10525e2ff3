export { habitsOf } from './habits-of.ts';
export { ContractError, missingFor } from './plugin-case.ts';
export type { CaseContext, DriverHabits, PluginCase } from './plugin-case.ts';
export { pluginCases } from './plugin-cases.ts';
export { createSocketClient } from './socket-client.ts';
export type { WireAnswer } from './socket-client.ts';
