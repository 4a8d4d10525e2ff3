import { driverProfiles, toJsonProfile, type DriverProfile } from '@drydock/fake-drivers';
import { Command } from 'commander';

/** `drydock driver list` */
export function listCommand(): Command {
  return new Command('list')
    .description('Explains the driver profiles')
    .option('--json', 'every field of every profile, as one JSON array')
    .action((flags: { readonly json?: boolean }) => {
      process.stdout.write(
        flags.json === true
          ? `${JSON.stringify(driverProfiles.map(toJsonProfile), undefined, 2)}\n`
          : driverProfiles.map(explain).join('\n'),
      );
    });
}

/** What a person wants to know of a profile before using it. */
function explain(profile: DriverProfile): string {
  const { name, role, summary, source, scope, backing, store, stores, missingCalls, exampleOptions } = profile;
  const tellsScope = !missingCalls.includes('VolumeDriver.Capabilities');
  const options = Object.entries(exampleOptions).map(([key, value]) => `${key}=${value}`);
  const rows: readonly (readonly [string, string])[] = [
    ['', summary],
    ['knows volumes by', `${backingNames[backing]}, ${tellsScope ? `scope ${scope}` : 'tells no scope'}`],
    ['stores', stores.map((kind) => (kind === store ? `${kind} (default)` : kind)).join(', ')],
    ['between nodes', profile.isDataShared ? attachNames[profile.attach] : ''],
    ['counts', profile.unmount.effect === 'nothing' ? 'nothing: Unmount does nothing' : useNames[profile.uses]],
    ['has no', missingCalls.map((call) => call.replace('VolumeDriver.', '')).join(', ')],
    ['needs options', options.join(',')],
    ['facts from', source],
  ];
  const lines = rows.filter(([, text]) => text !== '').map(([title, text]) => `  ${title.padEnd(17)} ${text}`);
  return `${name}${role === 'trap' ? ' (trap)' : ''}\n${lines.join('\n').replace(/^ {20}/, '  ')}\n`;
}

const backingNames: Readonly<Record<DriverProfile['backing'], string>> = {
  local: 'its own records',
  pool: 'a pool that nodes share',
  ec2: 'a block store, spoken to as EC2',
  cinder: 'a block store, spoken to as OpenStack Cinder',
  flocker: 'a control service that moves datasets',
};

const attachNames: Readonly<Record<DriverProfile['attach'], string>> = {
  shared: 'shared, mounted by any number of them',
  'exclusive-refuse': 'mounted by one, refused to others (with --preempt: taken from it)',
  'exclusive-preempt': 'mounted by one, from which others take it',
  move: 'moves to whoever mounts it',
};

const useNames: Readonly<Record<DriverProfile['uses'], string>> = {
  none: 'nothing: one Unmount undoes any number of Mounts',
  mounts: 'Mounts minus Unmounts',
  'first-mount': 'the first Mount only',
  ids: 'the ids of the callers',
};
