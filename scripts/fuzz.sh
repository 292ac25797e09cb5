#!/bin/bash
# Fuzzes the readers of foreign bytes with libFuzzer, address and undefined-behaviour sanitizers (clang).
# Usage: scripts/fuzz.sh [--seconds N] [TARGET...]
# 30 minutes a target by default; targets: config task result manifest frame_metrics clusters journal tile_file frame.
# What was found lies in build/fuzz/corpus/TARGET (kept for the next time) and build/fuzz/crashes/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=1800
targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:?--seconds needs a number}; shift 2 ;;
    -*) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
    *) targets+=("$1"); shift ;;
  esac
done

export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
cmake --preset fuzz < /dev/null > /dev/null
cmake --build --preset fuzz --target fuzz_readers fuzz_seeds -j "${BUILD_JOBS:-$(nproc)}" < /dev/null
mapfile -t known < <(build/fuzz/tests/fuzz_seeds build/fuzz/seeds)
[ ${#targets[@]} -gt 0 ] || targets=("${known[@]}")

failed=()
for target in "${targets[@]}"; do
  printf '%s\n' "${known[@]}" | grep -qx -- "$target" || { echo "no target '$target': ${known[*]}" >&2; exit 2; }
  corpus=build/fuzz/corpus/$target crashes=build/fuzz/crashes/$target
  mkdir -p "$corpus" "$crashes"
  echo "== $target, $seconds s"
  TILECOMPILE_FUZZ_TARGET=$target build/fuzz/tests/fuzz_readers "$corpus" "build/fuzz/seeds/$target" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -artifact_prefix="$crashes/" \
    -print_final_stats=1 > "build/fuzz/$target.log" 2>&1 || failed+=("$target")
  grep -E 'stat::(number_of_executed_units|peak_rss_mb|slowest_unit_time_sec)|ERROR|SUMMARY' "build/fuzz/$target.log" || true
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}; see build/fuzz/TARGET.log" >&2; exit 1; }
