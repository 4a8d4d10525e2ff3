/** What becomes of data. Volumes are mounted over the bare protocol: clients do not come near the data. */
import { join } from 'node:path';
import type { CheckBodies, CheckContext } from '../run/check-context.ts';
import { HarnessError } from '../run/outcome.ts';
import { mountBare, mountedBare, removeBare, unmountBare } from './bare-volume.ts';
import { describeTree, firstDifference, mustBeRoot, runIn } from './volume-files.ts';

const DIRECTORY_FILE_COUNT = 20_000;
const FSYNCED_KIB = 512;
/** Beyond the declared size, for what a file system needs itself. */
const QUOTA_SLACK = 1.25;

export const datChecks: CheckBodies = {
  async 'DAT-001'(context) {
    const { name, mountpoint } = await mountedBare(context);
    await runIn(
      context,
      mountpoint,
      `mkdir -p tree/a/b/c tree/empty
       : > tree/none
       for size in 1 511 4096 65537 1048577; do
         for place in tree tree/a tree/a/b/c; do head -c $size /dev/urandom > $place/$size || exit 1; done
       done
       sync .`,
      { expected: 'a tree of files to be written' },
    );
    await mustSurvive(context, name, mountpoint);
  },

  async 'DAT-002'(context) {
    const { agentSide, driver, expect } = context;
    const { name, mountpoint } = await mountedBare(context);
    const script = `cd "$1" && head -c ${FSYNCED_KIB * 1024} /dev/urandom | tee synced | sha256sum && sync synced && kill -9 $$`;
    const writer = await agentSide.exec(['sh', '-c', script, 'writer', mountpoint]);
    const [hash = ''] = writer.stdout.split(' ');
    // Of the shell, or, when it runs within nsenter(1), of what tells its end.
    const isKilled = writer.signal === 'SIGKILL' || writer.exitCode === 137;
    expect(isKilled && hash !== '', 'a file to be written and fsynced', writer.stderr.trim() || 'no hash');
    await driver.restart();
    const again = await mountBare(context, name);
    const read = await runIn(context, again, 'sha256sum synced', { expected: 'the fsynced file to be there' });
    expect(read.startsWith(hash), `${FSYNCED_KIB} KiB with the hash ${hash}`, read.trim());
    await unmountBare(context, name);
  },

  async 'DAT-004'(context) {
    mustBeRoot('A read-only mount');
    const { agentSide, note } = context;
    const { name, mountpoint } = await mountedBare(context);
    await agentSide.write(join(mountpoint, 'file'), 'kept');
    const ofReader = await mountBare(context, name);
    await runIn(
      context,
      ofReader,
      `must 'no read-only mount' mount --bind . . && must 'no read-only mount' mount -o remount,bind,ro "$PWD"
       cd "$PWD"
       must 'the file cannot be read' grep -qx kept file
       refused() { what=$1; shift
         if "$@" 2> "$errors"; then echo "$what worked" >&2; exit 1; fi
         must "$what failed otherwise: $(cat "$errors")" grep -q 'Read-only file system' "$errors"; }
       errors=/dev/shm/certify.$$; trap 'rm -f "$errors"' EXIT
       export LC_ALL=C
       refused 'a write' dd if=/dev/zero of=file count=1 conv=notrunc,nocreat status=none
       refused 'creating a file' dd if=/dev/null of=new status=none
       refused 'unlink' rm -f file
       refused 'chmod' chmod 0777 file
       for directory in $(find . -type d -not -path . | head -n 100); do
         refused "creating a file in $directory" dd if=/dev/null of="$directory/new" status=none
       done`,
      { expected: 'a read-only task to read, and every change to end in EROFS', within: ['unshare', '--mount'] },
    );
    note('Mesos before 1.8.0 does not honour read-only; what counts here is that the mountpoint can be mounted so');
    await unmountBare(context, name);
  },

  async 'DAT-005'(context) {
    mustBeRoot('A change of owners');
    const { name, mountpoint } = await mountedBare(context);
    await runIn(
      context,
      mountpoint,
      `user() { setpriv --reuid=1000 --regid=1000 --clear-groups -- "$@"; }
       mkdir -m 0777 shared && chmod 0777 shared && cd shared
       must 'root cannot create a file' sh -c 'umask 077; echo secret > of-root'
       must 'uid 1000 cannot create a file' setpriv --reuid=1000 --regid=1000 --clear-groups -- \\
         sh -c 'umask 027; echo own > of-user'
       mkdir setgid && chown 0:1000 setgid && chmod 2775 setgid && : > setgid/file
       : > given && must 'chown fails' chown 1234:2345 given && chmod 4711 given
       if user cat of-root > /dev/null 2>&1; then echo 'uid 1000 reads a file of root with mode 0600' >&2; exit 1; fi
       is() { have=$(stat --format '%u:%g %a' "$1"); must "$1 has $have instead of $2" test "$have" = "$2"; }
       is of-root '0:0 600'; is of-user '1000:1000 640'; is setgid '0:1000 2775'; is given '1234:2345 4711'
       must 'a file of a setgid directory has another group' test "$(stat --format %g setgid/file)" = 1000
       sync .`,
      { expected: 'files to have the owners and modes that they were given' },
    );
    await mustSurvive(context, name, mountpoint);
  },

  async 'DAT-006'(context) {
    const { name, mountpoint } = await mountedBare(context);
    const look = `
      is() { have=$(tail -c +$(($1 + 1)) big | head -c 7); must "'$have' instead of $2 at $1" test "$have" = "$2"; }
      must "$(stat --format %s big) bytes instead of 5 GiB" test "$(stat --format %s big)" = 5368709120
      is 4831838208 beyond!; is 1048576 before!
      have=$(tail -c +2097153 big | head -c 65536 | tr -d '\\0' | wc -c)
      must "the hole holds $have bytes" test "$have" = 0`;
    await runIn(
      context,
      mountpoint,
      `must 'no file of 5 GiB' truncate -s 5G big
       put() { printf '%s' "$2" | dd of=big bs=1M seek="$1" oflag=seek_bytes conv=notrunc status=none; }
       must 'no write at 4.5 GiB' put 4831838208 beyond!
       must 'no write at 1 MiB' put 1048576 before!
       head -c 65536 /dev/urandom | dd of=big bs=64K seek=32 conv=notrunc status=none
       must 'no hole can be punched' fallocate --punch-hole --offset 2097152 --length 65536 big
       sync big; ${look}`,
      { expected: 'a sparse file of 5 GiB to work' },
    );
    await unmountBare(context, name);
    await runIn(context, await mountBare(context, name), look, { expected: 'the file to be as before' });
    await unmountBare(context, name);
  },

  async 'DAT-007'(context) {
    const { name, mountpoint } = await mountedBare(context);
    const count = `have=$(ls -f many | grep -c ^f-); must "$have files" test "$have" = ${DIRECTORY_FILE_COUNT}
      have=$(ls -f many | grep ^f- | sort -u | wc -l); must "$have different files" test "$have" = ${DIRECTORY_FILE_COUNT}`;
    const expected = `${DIRECTORY_FILE_COUNT} files in a directory`;
    const make = `mkdir many && cd many && seq -f f-%.0f ${DIRECTORY_FILE_COUNT} | xargs -n 2000 touch && cd .. && ${count}`;
    await runIn(context, mountpoint, make, { expected });
    await unmountBare(context, name);
    const again = await mountBare(context, name);
    await runIn(context, again, count, { expected });
    await runIn(context, again, "find many -name 'f-*' -delete && must 'the directory is not empty' rmdir many", {
      expected: 'all of them to be unlinked',
    });
    await unmountBare(context, name);
  },

  async 'DAT-010'(context) {
    const { name, mountpoint } = await mountedBare(context);
    await runIn(
      context,
      mountpoint,
      `long=$(printf '%255s' '' | tr ' ' n)
       for name in 'Grüße 日本 ✓' "$long" '-rf' 'two
lines' ' blank ' '*?"\\' 'CASE' 'case'; do
         must "no file '$name'" sh -c 'printf %s "$1" > "./$1"' - "$name"
         must "'$name' holds something else" test "$(cat "./$name")" = "$name"
       done
       echo target > target
       must 'no symbolic link' ln -s target symlink && must 'no dangling link' ln -s nowhere dangling
       must 'no hard link' ln target hardlink
       must 'no FIFO' mkfifo fifo
       must 'a hard link of its own file' test "$(stat --format %i target)" = "$(stat --format %i hardlink)"
       sync .`,
      { expected: 'files of any name and kind' },
    );
    await mustSurvive(context, name, mountpoint);
  },

  async 'DAT-012'(context) {
    const { manifest } = context;
    const { sizeBytes } = manifest;
    if (sizeBytes === undefined) {
      throw new HarnessError('The manifest declares quota, but not the size', 'say `sizeBytes` in the manifest');
    }
    const { name, mountpoint } = await mountedBare(context);
    const mebibytes = Math.ceil((sizeBytes * QUOTA_SLACK) / 1024 ** 2) + 1;
    await runIn(
      context,
      mountpoint,
      `export LC_ALL=C
       answer=$(dd if=/dev/zero of=fill bs=1M count=${mebibytes} conv=fsync 2>&1) && {
         echo "${mebibytes} MiB were written" >&2; exit 1; }
       case $answer in *'No space left'*|*'quota exceeded'*) ;; *) echo "$answer" >&2; exit 1;; esac
       must 'a full volume does not let go of a file' rm fill
       must 'a volume that was full takes no data' sh -c 'echo after > after && sync after'`,
      { expected: `ENOSPC at ${sizeBytes} bytes, and a volume that is usable afterwards` },
    );
    await unmountBare(context, name);
  },

  async 'DAT-013'(context) {
    const { agentSide, manifest, expect } = context;
    const { name, mountpoint } = await mountedBare(context);
    const files = await agentSide.list(mountpoint);
    const expected = manifest.seedFiles.length === 0 ? 'nothing' : manifest.seedFiles.join(', ');
    const isSame = files.join('\n') === manifest.seedFiles.toSorted().join('\n');
    expect(isSame, `${expected} in a new volume`, files.join(', ') || 'nothing');
    await unmountBare(context, name);
  },

  async 'DAT-014'(context) {
    const { agentSide, manifest, expect, note, plugin } = context;
    const { name, mountpoint } = await mountedBare(context);
    await agentSide.write(join(mountpoint, 'old'), 'old');
    await unmountBare(context, name);
    await removeBare(context, name);
    (await plugin.call('VolumeDriver.Create', { Name: name, Opts: context.optionsFor(name) })).mustSucceed();
    const text = await agentSide.read(join(await mountBare(context, name), 'old'));
    await unmountBare(context, name);
    if (manifest.removePolicy === 'delete') expect(text === undefined, 'a new volume without old files', 'the old one');
    else note(`The old file was ${text === undefined ? 'gone' : 'there'}; removePolicy is ${manifest.removePolicy}`);
  },

  async 'DAT-015'(context) {
    mustBeRoot('A mount within a mount');
    const { agentSide } = context;
    const [outer, inner] = [await mountedBare(context), await mountedBare(context)];
    await agentSide.write(join(inner.mountpoint, 'of-inner'), 'kept');
    await runIn(
      context,
      outer.mountpoint,
      `mkdir b && echo kept > of-outer
       must 'no mount within the volume' mount --rbind "$1" b
       must "the inner volume's file is not there" grep -qx kept b/of-inner
       echo kept > b/through-outer && sync b/through-outer of-outer`,
      { args: [inner.mountpoint], within: ['unshare', '--mount'], expected: 'a task with a volume within a volume' },
    );
    await unmountBare(context, outer.name);
    await mustHold(context, inner.mountpoint, ['of-inner', 'through-outer']);
    await unmountBare(context, inner.name);
    await mustHold(context, await mountBare(context, outer.name), ['of-outer']);
    await mustHold(context, await mountBare(context, inner.name), ['of-inner', 'through-outer']);
    for (const { name } of [outer, inner]) await unmountBare(context, name);
  },

  async 'DAT-016'(context) {
    const { agentSide, plugin, manifest } = context;
    const { name, mountpoint } = await mountedBare(context);
    await agentSide.write(join(mountpoint, 'file'), 'kept');
    const removed = await plugin.call('VolumeDriver.Remove', { Name: name });
    // Whatever it answered, a task still has the volume.
    await mustHold(context, mountpoint, ['file']);
    const unmounted = await plugin.call('VolumeDriver.Unmount', { Name: name });
    if (removed.isSuccess && manifest.removePolicy !== 'noop') return;
    unmounted.mustSucceed();
    await mustHold(context, await mountBare(context, name), ['file']);
    await unmountBare(context, name);
  },
};

/** Unmounts and mounts. @throws CheckFailedError unless everything in the volume is as it was */
async function mustSurvive(context: CheckContext, name: string, mountpoint: string): Promise<void> {
  const before = await describeTree(context, mountpoint);
  await unmountBare(context, name);
  const after = await describeTree(context, await mountBare(context, name));
  context.expect(after === before, 'all files to be as before', firstDifference(before, after));
  await unmountBare(context, name);
}

/** @throws CheckFailedError unless the files hold what the check wrote */
async function mustHold(
  { agentSide, expect }: CheckContext,
  directory: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const text = await agentSide.read(join(directory, name));
    expect(text?.trim() === 'kept', `${join(directory, name)} to hold what was written`, text ?? 'no file');
  }
}
