import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SkippingClock } from '@drydock/volume-plugin/fake';
import { beforeAll } from 'vitest';
import { describeDriverClient, describeLookUp, type ContractSubject } from './driver-client-contract.suite.ts';
import { DvdcliClient } from './dvdcli-client.ts';
import { PluginDriverClient } from './plugin-driver-client.ts';

const DVDCLI = join(import.meta.dirname, '../../../../apps/dvdcli');

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(DVDCLI, 'build.mjs')]);
});

/** The process, as an agent with these variables in its environment runs it. */
function throughDvdcli(compat: '0.1' | '0.2'): ContractSubject['create'] {
  return (directory, limits) =>
    new DvdcliClient({
      dvdcli: join(DVDCLI, 'bin/dvdcli.js'),
      env: {
        // Its first line asks for node.
        PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
        DVDCLI_COMPAT: compat,
        DVDCLI_PLUGIN_DIRECTORIES: directory,
      },
      ...limits,
    });
}

const subjects: Readonly<Record<string, ContractSubject>> = {
  PluginDriverClient: {
    create: (directory, limits) =>
      new PluginDriverClient({
        directories: { sockets: directory, specs: [] },
        clock: new SkippingClock(),
        ...limits,
      }),
    canInspect: true,
    canCreateExplicitly: true,
    unmountsWithoutGet: true,
    waitsForDrivers: false,
  },
  'DvdcliClient with dvdcli 0.2': {
    create: throughDvdcli('0.2'),
    canInspect: true,
    canCreateExplicitly: true,
    unmountsWithoutGet: false,
    waitsForDrivers: true,
  },
  'DvdcliClient with dvdcli 0.1': {
    create: throughDvdcli('0.1'),
    canInspect: false,
    canCreateExplicitly: false,
    unmountsWithoutGet: true,
    waitsForDrivers: true,
  },
};

for (const [name, subject] of Object.entries(subjects)) describeDriverClient(name, subject);
describeLookUp(subjects);
