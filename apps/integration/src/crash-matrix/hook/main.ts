/**
 * Preloaded into a mesos-agent (`node --import`): records whatever the agent, its containerizer and its isolators do to
 * files, processes, the master and drivers, and kills the agent at one of these effects. Nothing in the agent knows of it.
 */
import { syncBuiltinESMExports } from 'node:module';
import { EffectGate, type HookSettings } from './effect-gate.ts';
import { watchConnections } from './watch-connections.ts';
import { watchFiles } from './watch-files.ts';
import { watchProcesses } from './watch-processes.ts';

/** Holds the settings as JSON. */
const SETTINGS_VARIABLE = 'CRASH_MATRIX_HOOK';

const text = process.env[SETTINGS_VARIABLE];
// Programs that the agent starts are left alone.
delete process.env[SETTINGS_VARIABLE];
delete process.env['NODE_OPTIONS'];
if (text === undefined) throw new Error(`Expected the settings of the crash matrix in ${SETTINGS_VARIABLE}`);
// Written by the harness.
const gate = new EffectGate(JSON.parse(text) as HookSettings);
await watchFiles(gate);
watchProcesses(gate);
watchConnections(gate);
syncBuiltinESMExports();
