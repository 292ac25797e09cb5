#!/bin/bash
# Runs the unit and contract tests under sanitizers. Usage: scripts/sanitize.sh [asan|ubsan|tsan]... [-- CTEST ARGUMENTS]
# All three by default; each is a build of its own in build/<name>.
set -euo pipefail
cd "$(dirname "$0")/.."
presets=()
while [ $# -gt 0 ]; do
  case $1 in
    asan | ubsan | tsan) presets+=("$1"); shift ;;
    --) shift; break ;;
    *) sed -n '2,3s/^# //p' "$0" >&2; exit 2 ;;
  esac
done
[ ${#presets[@]} -gt 0 ] || presets=(asan ubsan tsan)

export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
# Tests ask for memory that no machine has.
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 LSAN_OPTIONS=suppressions=$PWD/scripts/lsan.supp UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1:suppressions=$PWD/scripts/tsan.supp
failed=()
for preset in "${presets[@]}"; do
  echo "== $preset"
  cmake --preset "$preset" < /dev/null > /dev/null
  cmake --build --preset "$preset" --target tests_unit tests_contract -j "${BUILD_JOBS:-$(nproc)}" < /dev/null
  ctest --test-dir "build/$preset" -L '^(unit|contract)$' -j "$(nproc)" --no-tests=error --output-on-failure "$@" \
    < /dev/null || failed+=("$preset")
done
[ ${#failed[@]} -eq 0 ] || { echo "failed under: ${failed[*]}" >&2; exit 1; }
