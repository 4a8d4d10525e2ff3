#!/bin/sh
# A host of compose.yaml: boots, then runs what its role has. Argument: master or agent.
set -eu
role=$1
host=/opt/drydock/packages/cluster/host
run() { sh "$host/run-program.sh" "$@"; }
address=$(hostname -i | cut -d ' ' -f 1)
case $role in
master) programs=mesos-master ;;
agent) programs='convoy mesos-agent' ;;
*)
  echo "Expected master or agent, got '$role'" >&2
  exit 2
  ;;
esac
rm -f /run/drydock/mountinfo
# shellcheck disable=SC2086
sh "$host/boot.sh" $programs &
until [ -s /run/drydock/mountinfo ]; do sleep 0.1; done
case $role in
master)
  run mesos-master mesos-master --work_dir=/var/lib/mesos/master --ip=0.0.0.0 --advertise_ip="$address"
  ;;
agent)
  run convoy convoy daemon --root /var/lib/drydock/convoy
  run mesos-agent mesos-agent --master=master:5050 --ip=0.0.0.0 --advertise_ip="$address" \
    --isolation=docker/volume,docker/runtime,filesystem/linux --work_dir=/var/lib/mesos/agent \
    --image_providers=docker --docker_registry=/opt/drydock/.drydock/images --docker_store_dir=/var/lib/mesos/store \
    '--executor_environment_variables={}'
  ;;
esac
wait
