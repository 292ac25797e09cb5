#!/bin/bash
# Everything a change has to pass: format, warnings as errors, tests without the slow ones.
# Usage: scripts/test.sh [--label unit|contract|system|slow|docker]... [-- CTEST ARGUMENTS]
# Examples: scripts/test.sh --label unit     GTEST_FILTER='FitsReader*' scripts/test.sh --label unit -- --verbose
# The real frames are looked for in ../shared/data, or in TILECOMPILE_TEST_DATA.
set -euo pipefail
cd "$(dirname "$0")/.."
labels=()
while [ $# -gt 0 ]; do
  case $1 in
    --label) labels+=("${2:?--label needs a name}"); shift 2 ;;
    --) shift; break ;;
    *) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
  esac
done
[ ${#labels[@]} -gt 0 ] || labels=(unit contract system)

began=$SECONDS
stage() { printf '== %s (%d s)\n' "$*" $((SECONDS - began)); }
stage "installing what is missing"
scripts/install-deps.sh --tests
stage "checking the format"
scripts/check-format.sh
stage "building with warnings as errors"
# One cache serves clones in different folders.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
cmake --preset ci < /dev/null
cmake --build --preset ci < /dev/null
stage "testing: ${labels[*]}"
# Whatever measures time asks for the whole machine (tests/CMakeLists.txt); -j is safe. Many tests wait for brokers, so
# one more than there are processors keeps these busy.
pattern=$(IFS='|'; echo "${labels[*]}")
status=0
ctest --test-dir build/ci -L "^($pattern)\$" -j "$(($(nproc) + 1))" --no-tests=error --output-on-failure "$@" < /dev/null || status=$?
# What failed stands last, where a reader of a long log looks first.
[ $status -eq 0 ] || scripts/failed-cases.sh build/ci/Testing/Temporary/LastTest.log
exit $status
