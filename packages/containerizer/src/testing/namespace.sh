# Runs "$@" in a mount namespace of its own with a private /dev; $1 is an empty directory for making it.
set -e
dev=$1
shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx "$dev"
mkdir "$dev/pts" "$dev/shm"
mount --move "$dev" /dev
mount -t devpts devpts /dev/pts
mount --make-rshared /
exec "$@"
