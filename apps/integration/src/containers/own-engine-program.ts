/** Starts a Docker Engine of its own, says where it is, and waits to be killed. */
import { startOwnEngine } from '@drydock/cluster/containers';

const engine = await startOwnEngine();
process.stdout.write(`${JSON.stringify({ directory: engine.directory, env: engine.env })}\n`);
await new Promise(() => setInterval(() => undefined, 60_000));
