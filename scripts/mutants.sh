#!/bin/bash
# Plants one bug after another in a copy of the sources and shows that the tests notice each of them.
# Usage: scripts/mutants.sh [NAME]...     (of tests/mutants/NAME.patch; none: all)
#        scripts/mutants.sh --check       only whether every patch still applies
# The first line of a patch names the test program and the filter of its cases: "Test: test_coadd Verdict.*".
# Exit code 1 when a bug survives, a test fails without it, or a patch does not apply or build any more.
set -euo pipefail
cd "$(dirname "$0")/.."
deadline_s=120  # of the tests of one bug

if [ "${1:-}" = --check ]; then
  stale=0
  for patch in tests/mutants/*.patch; do
    git apply --check "$patch" || { echo "mutants: $patch does not apply: plant its bug anew"; stale=1; }
  done
  exit $stale
fi

names=("$@")
[ ${#names[@]} -gt 0 ] || names=($(cd tests/mutants && ls *.patch | sed 's/\.patch$//'))
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export GIT_CEILING_DIRECTORIES=$scratch CCACHE_BASEDIR=$scratch/tree CCACHE_NOHASHDIR=1
mkdir "$scratch/tree"
tar --exclude=./build --exclude=./.git -c . | tar -x -C "$scratch/tree"
patches=$PWD/tests/mutants
cd "$scratch/tree"
cmake --preset ci < /dev/null > "$scratch/log" || { cat "$scratch/log"; exit 1; }

# build PROGRAM; test PROGRAM FILTER: 0 when cases ran and all passed
build() { cmake --build --preset ci --target "$1" < /dev/null > "$scratch/log" 2>&1; }
run() {
  timeout -k 10 "$deadline_s" "build/ci/tests/$1" --gtest_filter="$2" < /dev/null > "$scratch/log" 2>&1
}
# outcome NAME: what became of the bug, in one word or more; "caught" is the only good one
outcome() {
  local kind program filter code=0
  read -r kind program filter < "$patches/$1.patch" && [ "$kind" = Test: ] || { echo "names no test"; return; }
  git apply --check "$patches/$1.patch" 2> "$scratch/log" || { echo "does not apply"; return; }
  build "$program" || { echo "the tree does not build"; return; }
  run "$program" "$filter" && grep -q '^\[  PASSED  \] [1-9]' "$scratch/log" || { echo "fails without the bug"; return; }
  git apply "$patches/$1.patch"
  if build "$program"; then
    run "$program" "$filter" || code=$?
    case $code in
      0) echo "SURVIVED" ;;
      124 | 137) echo "no end within $deadline_s s" ;;
      1) echo "caught" ;;
      *) echo "caught (exit code $code)" ;;
    esac
  else
    echo "does not build"
  fi
  git apply -R "$patches/$1.patch"
}

survivors=0
for name in "${names[@]}"; do
  began=$SECONDS
  result=$(outcome "$name")
  printf '%-40s %-24s %4d s\n' "$name" "$result" $((SECONDS - began))
  case $result in
    caught*) ;;
    *) survivors=$((survivors + 1)); sed 's/^/    /' "$scratch/log" | tail -n 20 ;;
  esac
done
printf '%d bugs planted, %d not caught\n' "${#names[@]}" "$survivors"
[ "$survivors" -eq 0 ]
