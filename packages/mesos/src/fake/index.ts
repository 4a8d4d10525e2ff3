export { ScriptedMaster, subscribed } from './scripted-master.ts';
export type { Script, ScriptedMasterOptions } from './scripted-master.ts';
