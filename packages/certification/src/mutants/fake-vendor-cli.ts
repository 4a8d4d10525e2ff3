/**
 * A vendor's command line for a fake driver: `fake-vendor-cli.ts SOCKET create|remove VOLUME`. It speaks to the fake
 * itself, past whatever stands before it.
 */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { OwnPlaces } from './fake-driver-mutant.ts';

const PROGRAM = fileURLToPath(import.meta.url);
const methods = { create: 'Create', remove: 'Remove' } as const;

/** `vendorCli` of a manifest. */
export function fakeVendorCli({ socketPath }: OwnPlaces): Readonly<Record<string, unknown>> {
  const argv = (command: keyof typeof methods): readonly string[] => [
    process.execPath,
    PROGRAM,
    socketPath,
    command,
    '<name>',
  ];
  return { vendorCli: { create: argv('create'), remove: argv('remove') } };
}

async function main(socketPath: string, command: string, volume: string): Promise<void> {
  const method = command === 'create' || command === 'remove' ? methods[command] : undefined;
  if (method === undefined) throw new Error(`Expected create or remove, got ${command}`);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = request({ socketPath, path: `/VolumeDriver.${method}`, method: 'POST' }, (response) => {
    text(response).then(resolve, reject);
  });
  call.on('error', reject).end(JSON.stringify({ Name: volume, Opts: {} }));
  const { Err } = JSON.parse(await promise) as { readonly Err?: string }; // the fake's answer
  if (Err !== undefined && Err !== '') throw new Error(Err);
}

const [, program, socketPath = '', command = '', volume = ''] = process.argv;
if (program === PROGRAM) await main(socketPath, command, volume);
