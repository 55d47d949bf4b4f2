#!/bin/bash
# The main job on real data: three agents, one comparator, what they answer. Leaves nothing behind.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
started=()
finish() {
  [ ${#started[@]} = 0 ] || kill "${started[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() {
  printf '$ %s\n' "$*"
  "$@" || true
}
await() { # socket pid
  for _ in $(seq 150); do
    [ -S "$1" ] && return
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  echo "demo: nothing listens on $1:" >&2
  cat "${1%.sock}.log" >&2
  exit 1
}
start() { # name command...
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 &
  started+=($!)
  await "$work/$name.sock" $!
}

cat >"$work/comparator.toml" <<END
[hosts.here]
address = "unix:$work/here.sock"
[hosts.epyc]
address = "unix:$work/epyc.sock"
[hosts.skylake]
address = "unix:$work/skylake.sock"
END
export VMFIT_CONFIG=$work/comparator.toml

say "Three agents (this machine, and two recorded hosts) and a comparator"
for host in epyc-four-nodes skylake-memory-only-node; do
  vmfit-agent snapshot --root "tests/hosts/$host" --file "$work/$host.json"
done
start here vmfit-agent serve --listen "unix:$work/here.sock"
start epyc vmfit-agent serve --replay "$work/epyc-four-nodes.json" --listen "unix:$work/epyc.sock"
start skylake vmfit-agent serve --replay "$work/skylake-memory-only-node.json" --listen "unix:$work/skylake.sock"
start comparator vmfit serve --listen "unix:$work/comparator.sock"
export VMFIT_SERVER=unix:$work/comparator.sock
run vmfit hosts

say "Can the guest 'web' go from epyc to skylake? Its disk is a LUN that both hosts see."
run vmfit check web --from epyc --to skylake -- --live
say "And 'shop' the other way?"
run vmfit check shop --from skylake --to epyc -- --live
say "'archive' lives on a logical volume and a bridge that skylake does not have: every reason at once, with remedies"
run vmfit check archive --from epyc --to skylake -- --live
say "'backup' has its disk on USB: equal vendor, model and serial are only a probable yes"
run vmfit check backup --from epyc --to skylake --fact storage.disk_identity
say "To this machine: what its agent cannot know here is no idea, with the reason"
run vmfit check web --from epyc --to here -- --live
say "What differs between the two hosts?"
run vmfit diff epyc skylake --part numa --part network --part memory
say "What can both give to a guest?"
run vmfit baseline epyc skylake
