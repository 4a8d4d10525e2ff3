/**
 * Serves one driver profile as a Docker volume plugin until SIGTERM; `drydock up` runs it in the cluster's namespace.
 * Arguments: plugin name, profile, directory.
 */
import { messageOf } from '@drydock/base/errors';
import { findProfile, startFakeDriver } from '@drydock/fake-drivers';

const [, , plugin = '', profile = '', directory = ''] = process.argv;
const { promise: told, resolve: stop } = Promise.withResolvers<void>();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop());
try {
  const driver = await startFakeDriver({
    socketPath: `/run/docker/plugins/${plugin}.sock`,
    profile: findProfile(profile),
    directory,
  });
  process.stdout.write(`The driver ${plugin} is ready on ${driver.socketPath}\n`);
  await told;
  // Nobody is left to unmount what a careless client left mounted.
  await driver.stop({ unmountsAll: true });
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
