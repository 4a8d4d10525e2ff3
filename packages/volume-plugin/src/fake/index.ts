export { startScriptedPlugin } from './scripted-plugin.ts';
export type { ScriptedAnswer, ScriptedPlugin, ScriptedPluginOptions } from './scripted-plugin.ts';
export { SkippingClock } from './skipping-clock.ts';
