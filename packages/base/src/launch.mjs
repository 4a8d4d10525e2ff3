// Starts a bin's TypeScript entry on the pinned Node. Plain JavaScript, because the Node that starts a bin may be older
// than the one that can run it (`sudo mesos-agent`, a sanitised environment).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** First Node version that strips types and has `await using` without flags. */
const NODE_MAJOR_MIN = 24;
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

/** The pinned Node of this checkout (npm's `node-linux-<arch>` package), or undefined where it is not installed. */
export function pinnedNode() {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
    if (existsSync(candidate)) return candidate;
    if (directory === dirname(directory)) return undefined;
  }
}

/**
 * Runs `entry` (a `file:` URL of a TypeScript module) in this process, or in the pinned Node when this one is too old.
 * @param {URL} entry
 */
export async function launch(entry) {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) {
    await import(entry.href);
    return;
  }
  const node = pinnedNode();
  if (node === undefined) {
    console.error(
      `Expected Node ${NODE_MAJOR_MIN} or newer, got ${process.versions.node}, and the pinned Node is not installed: run \`npm ci\` in the checkout`,
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [fileURLToPath(entry), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`Failed to execute '${node}': ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? code : 128 + constants.signals[signal];
  });
}
