#!/bin/sh
# Starts a program in the background. Arguments: its name on this host, then its argv. Its output goes to
# /var/log/drydock/NAME.log, its pid to /run/drydock/NAME.pid.
set -eu
name=$1
shift
# As the leader of a session of its own setsid becomes the program, so the pid is the program's.
setsid "$@" </dev/null >>"/var/log/drydock/$name.log" 2>&1 &
echo $! >"/run/drydock/$name.pid"
