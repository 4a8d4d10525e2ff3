#!/bin/sh
# The boot of a host: the first program in its container, under tini. Arguments: the names of the programs that will run
# on it, whose logs become the container's.
set -eu
# As on a systemd host, so that what a driver mounts and unmounts reaches the containers.
mount --make-rshared /
mkdir -p /run/drydock /run/docker/plugins /run/lock /var/log/drydock /var/lib/mesos /var/lib/drydock /var/tmp
chmod 1777 /var/tmp
ln -sfn /run /var/run
# A host that was restarted has another boot id; all containers share the kernel's.
cat /proc/sys/kernel/random/uuid >/run/drydock/boot_id
mount --bind /run/drydock/boot_id /proc/sys/kernel/random/boot_id
if ! [ -e /dev/loop-control ]; then
  mknod /dev/loop-control c 10 237
  number=0
  while [ $number -lt 256 ]; do
    mknod "/dev/loop$number" b 7 $number
    number=$((number + 1))
  done
fi
# Docker mounts them read-only; without them containers have no limits.
while read -r _ target type _; do
  case $type in cgroup | cgroup2) mount -o remount,bind,rw "$target" || echo "no limits: $target stays read-only" ;; esac
done </proc/mounts
cp /proc/self/mountinfo /run/drydock/mountinfo
for name in "$@"; do
  : >>"/var/log/drydock/$name.log"
  set -- "$@" "/var/log/drydock/$name.log"
  shift
done
echo 'host is ready'
exec tail -n +1 -F "$@"
