export { isTerminalState } from './v1.ts';
export type * from './v1.ts';
