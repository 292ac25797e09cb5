#!/bin/bash
# Distributed runs with faults drawn from seeds; each must end with the pictures of an undisturbed run.
# Usage: scripts/chaos.sh [--schedules N] [--seed S] [--lanes L] [--frames F] [--limit SECONDS] [--keep DIR]
#        scripts/chaos.sh --seeds S...      these seeds, for instance those that failed
#        scripts/chaos.sh --resume          masters killed at defined points and resumed
# Default: 100 schedules from seed 1, two at a time. Builds build/ci first, or takes the program in TILECOMPILE.
# Needs root, or a kernel that gives ordinary users namespaces of their own. docs/chaos.md tells what is done.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
program=${TILECOMPILE:-}
if [ -z "$program" ]; then
  scripts/install-deps.sh --tests
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  cmake --preset ci < /dev/null >&2
  cmake --build --preset ci --target tilecompile lying_worker < /dev/null >&2
  program=build/ci/tilecompile
fi
if [ "${1:-}" = --resume ]; then
  exec /usr/bin/python3 -B tests/chaos/resume_matrix.py "$program"
fi
exec /usr/bin/python3 -B tests/chaos/chaos.py "$program" "$@"
