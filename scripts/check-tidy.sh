#!/bin/bash
# clang-tidy over the sources; findings are advice (.clang-tidy), so the exit code is 0 unless it cannot run.
# Usage: scripts/check-tidy.sh [--all | REVISION]     default: .cpp files changed since main; REVISION: since that
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  --all) files=$(git ls-files 'src/*.cpp') ;;
  -*) sed -n '2,3s/^# //p' "$0" >&2; exit 2 ;;
  *) files=$(git diff --name-only --diff-filter=d "$(git merge-base "${1:-main}" HEAD)" -- '*.cpp') ;;
esac
if [ -z "$files" ]; then echo "no source has changed"; exit 0; fi
# clang must not see flags or launchers of another compiler, so it gets a configuration of its own.
cmake --preset clang > /dev/null
# shellcheck disable=SC2086 # names of sources have no blanks
printf '%s\n' $files | xargs -P "$(nproc)" -n 1 clang-tidy -p build/clang --quiet 2> /dev/null
