/**
 * Runs a fake driver as a Docker volume plugin until SIGTERM, then prints the calls that it got, one JSON object a line.
 * Arguments: plugin name, directory for its state, profile, faults.
 */
import { findProfile, startFakeDriver } from '@drydock/fake-drivers';

const [, , name = '', directory = '', profile = '', faults = ''] = process.argv;
const driver = await startFakeDriver({
  socketPath: `/run/docker/plugins/${name}.sock`,
  profile: findProfile(profile),
  directory,
  faults,
});
const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
process.on('SIGTERM', () => stop());
await stopped;
await driver.stop();
for (const { method, request } of driver.requests()) process.stdout.write(`${JSON.stringify({ method, request })}\n`);
