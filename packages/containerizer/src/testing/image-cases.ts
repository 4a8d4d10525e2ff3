/** What containers see of their images. Arguments: base directory, backend, cgroups root, names of cases. */
import { join } from 'node:path';
import { startCaseRunner, type ContainerCase } from './case-runner.ts';

const [base = '', backend = 'overlay', cgroupsRoot = 'drydock-test', ...names] = process.argv.slice(2);
const { run, finish } = await startCaseRunner(base, backend, cgroupsRoot);

const list: ContainerCase['command'] = {
  value:
    'ls -d /file /gone; for d in /opaque /opaque/kept /again; do echo "$d:" $(ls -a $d 2>&1); done; stat -c %a:%u /opaque /bare; ls /bare',
};
const volume = (name: string): ContainerCase => ({
  command: { value: 'ls /etc; ls /tmp/myvolume/; touch /tmp/myvolume/written' },
  image: name,
  mounts: [{ source: join(base, `volume-${name}`), target: '/tmp/myvolume', isReadOnly: false }],
});
const cases: Readonly<Record<string, ContainerCase>> = {
  // Both images have the layer with the whiteouts, each on another layer.
  whiteouts: { command: list, image: 'whiteouts' },
  'other-base': { command: list, image: 'other-base' },
  'link-to-etc': volume('link-to-etc'),
  'link-to-root': volume('link-to-root'),
  'link-in-parent': volume('link-in-parent'),
};
await Promise.all(
  names.map(async (name) => {
    const found = cases[name];
    if (found !== undefined) await run(name, found);
  }),
);
await finish();
