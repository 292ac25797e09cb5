#!/bin/bash
# How many results a second a master takes through a real broker: tiny tiles, answered by a worker that computes nothing
# (tests/bench/replay_worker.cpp). Prints a row of docs/scaling.md for a row of tiles a task and for one tile a task.
# Usage: scripts/bench-load.sh [--width 3840] [--height 3848] [--dir build/bench]
# The defaults make 102,720 tiles of 16 px. Frames stay in --dir; tiles, 0.6 GB, lie in memory (/dev/shm).
set -euo pipefail
cd "$(dirname "$0")/.."
width=3840 height=3848 dir=build/bench
while [ $# -gt 0 ]; do
  case $1 in
    --width | --height | --dir) declare "${1#--}=${2:?$1 needs a value}"; shift 2 ;;
    *) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
  esac
done
cmake --preset release -DTILECOMPILE_BENCH=ON > /dev/null < /dev/null
cmake --build --preset release --target tilecompile replay_worker < /dev/null | tail -n 1 >&2
program=$PWD/build/release/tilecompile replay=$PWD/build/release/tests/replay_worker

night=$(realpath -m "$dir/night-5x${width}x$height")
[ -e "$night/run.yaml" ] || "$program" simulate "$night" --frames 5 --width "$width" --height "$height" --quiet > /dev/null
scratch=$(mktemp -d /dev/shm/tilecompile-load-XXXXXX)
worker=
clean_up() {
  [ -z "$worker" ] || kill "$worker" 2> /dev/null || true
  scripts/private-broker.sh stop "$scratch/broker" || true
  rm -rf "$scratch"
}
trap clean_up EXIT
port=$(scripts/private-broker.sh start "$scratch/broker")
id=11111111-2222-4333-8444-555555555555
options=(--run-id "$id" --quiet --set profile=v2)
for set in synthetic.enabled=false data.frames_min=2 tile.min_size=16 tile.size_factor=1 tile.max_divisor=1000 \
  output.tile_metrics=false validation.require_no_tile_pattern=false validation.min_fwhm_improvement_percent=-1000 \
  validation.max_background_rms_increase_percent=1000; do
  options+=(--set "$set")
done
mkdir "$scratch/tiles"
"$program" run "$night/run.yaml" --output "$scratch/reference" "${options[@]}" --set storage.root="$scratch/tiles" > /dev/null

echo "| | tiles | wall s | tiles a second | master's CPU s | peak MB | mean bytes of a tile |"
echo "|---|---|---|---|---|---|---|"
for batch in auto 1; do
  rm -rf "$scratch/store" "$scratch/out"
  cp -al "$scratch/tiles" "$scratch/store"
  "$replay" "$scratch/reference/$id/journal.jsonl" "$port" > /dev/null &
  worker=$!
  "$program" master "$night/run.yaml" --output "$scratch/out" "${options[@]}" --set storage.root="$scratch/store" \
    --set broker.port="$port" --set parallel.frame_tasks=false --set parallel.batch=$batch > /dev/null
  kill "$worker"
  wait "$worker" 2> /dev/null || true
  worker=
  /usr/bin/python3 - "$scratch" $batch << 'PY'
import json, pathlib, sys
scratch, batch = pathlib.Path(sys.argv[1]), sys.argv[2]
run, reference = (json.loads((scratch / name / "latest" / "run.json").read_text()) for name in ("out", "reference"))
assert run["products"]["stack"]["digest"] == reference["products"]["stack"]["digest"], "another picture"
assert run["audit"]["tiles_by_master"] == 0, "the master computed tiles itself"
tiles = next(phase for phase in run["phases"] if phase["name"] == "reconstruct tiles")
sizes = [file.stat().st_size for file in (scratch / "tiles").rglob("tile_*.fits")]
count = run["tiles"]["count"]
print(f"| {'one tile' if batch == '1' else 'a row of tiles'} a task | {count} | {tiles['seconds']:.1f} | "
      f"{count / tiles['seconds']:.0f} | {tiles['cpu_seconds']:.1f} | {run['peak_memory_bytes'] / 1e6:.0f} | "
      f"{sum(sizes) / len(sizes):.0f} |")
PY
done
