# Supervises one container: mounts its root file system, waits at the gate, runs the runtime, writes the exit file.
# Arguments: directory, links directory and mount options and target of the overlay (or three empty strings), file with
# the kernel's `oom_kill` counter (or empty), runtime id, line to print when the gate opens (or empty), and then the
# runtime with its global options. The gate is stdin: the line `go` opens it, the end of the input aborts the launch.
# Descriptor 3 is the FIFO `<directory>/alive`, by which agents know that the shim is there: nothing else may hold it.
# Last act: `<directory>/exit` = "<how> <exit code> <oom kills>", by rename. It is written when the container is surely gone.
directory=$1 links=$2 options=$3 target=$4 counter=$5 id=$6 line=$7
shift 7
how=launch-failed rc=1 oom=0
if [ -z "$links" ] || (cd "$links" && exec mount -t overlay -o "$options" overlay "$target") 2>"$directory/shim.err" 3>&-; then
  word=
  IFS= read -r word
  if [ "$word" = go ]; then
    [ -z "$line" ] || printf '%s\n' "$line"
    "$@" --log "$directory/runtime.log" --log-format json run --keep --pid-file "$directory/container.pid" \
      -b "$directory" "$id" </dev/null 3>&-
    rc=$?
    [ ! -e "$directory/container.pid" ] || how=exited
    if [ -n "$counter" ] && [ -r "$counter" ]; then
      while read -r key value; do
        [ "$key" != oom_kill ] || oom=$value
      done <"$counter"
    fi
    "$@" delete -f "$id" </dev/null >/dev/null 2>&1 3>&-
  else
    how=aborted
  fi
fi
printf '%s %s %s\n' "$how" "$rc" "$oom" >"$directory/exit.tmp" && mv "$directory/exit.tmp" "$directory/exit" 3>&-
