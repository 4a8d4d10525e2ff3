/** Starts a cluster in containers, says so with the name of its run, and waits to be killed. */
import { MesosClusterContainers } from '@drydock/cluster/containers';

const cluster = await new MesosClusterContainers().start();
process.stdout.write(`${JSON.stringify({ runName: cluster.runName })}\n`);
await new Promise(() => setInterval(() => undefined, 60_000));
