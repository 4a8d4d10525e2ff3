/** Effects on processes: programs that are run, what is written to them, and signals. */
import childProcess, { type ChildProcess } from 'node:child_process';
import type { EffectGate } from './effect-gate.ts';
import { replace } from './replace.ts';

export function watchProcesses(gate: EffectGate): void {
  replace(childProcess, 'spawn', (original) => (...args) => {
    const [command, list] = args;
    const line = [String(command), ...(Array.isArray(list) ? list.map(String) : [])].join(' ');
    const effect = gate.before(`run ${line}`);
    const child = original(...args) as ChildProcess;
    effect.started();
    // First of all who listen, so that nobody has acted on the end.
    child.prependOnceListener('exit', () => effect.after());
    if (child.stdin !== null) watchInput(gate, child.stdin, line);
    return child;
  });
  replace(process, 'kill', (original) => (...args) => {
    const [pid, signal = 'SIGTERM'] = args;
    if (pid === process.pid || signal === 0) return original(...args);
    const effect = gate.before(`kill ${String(signal)}`);
    try {
      return original(...args);
    } finally {
      effect.after();
    }
  });
}

/** The gate of a container's shim is its input. */
function watchInput(gate: EffectGate, input: NonNullable<ChildProcess['stdin']>, line: string): void {
  for (const name of ['write', 'end']) {
    replace(input, name, (original) => (...args) => {
      const said = typeof args[0] === 'string' ? JSON.stringify(args[0].slice(0, 20)) : '';
      const effect = gate.before(`${name} ${said} to ${line}`);
      const result: unknown = original.apply(input, args);
      effect.after();
      return result;
    });
  }
}
