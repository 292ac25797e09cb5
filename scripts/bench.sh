#!/bin/bash
# Times runs next to Siril and numpy on the same frames and prints the table of docs/performance.md. A measurement, not a
# test: nothing passes or fails, and a busy machine shows.
# Usage: scripts/bench.sh [--frames 200] [--width 1920] [--height 1080] [--times 3] [--dir build/bench]
#                         [--program FILE] [--rows "siril-mean siril-winsorized numpy-mean v2 v2-plain recommended
#                         fast master-1 master-2"]
# All read the same 16-bit frames from the page cache, one after the other, --times times each; the table has medians.
# Siril's time is a start of siril-cli that only stacks (no conversion, no registration). --program times another build.
# Simulated frames stay in --dir for the next time (830 MB with the defaults).
set -euo pipefail
cd "$(dirname "$0")/.."
frames=200 width=1920 height=1080 times=3 dir=build/bench program=
rows="siril-mean siril-winsorized numpy-mean v2 v2-plain recommended fast master-1 master-2"
while [ $# -gt 0 ]; do
  case $1 in
    --frames | --width | --height | --times | --dir | --program | --rows) declare "${1#--}=${2:?$1 needs a value}"; shift 2 ;;
    *) sed -n '2,9s/^# //p' "$0" >&2; exit 2 ;;
  esac
done
for tool in siril-cli /usr/bin/time; do
  command -v "$tool" > /dev/null || { echo "bench: $tool is missing: scripts/install-deps.sh --tests" >&2; exit 1; }
done
if [ -z "$program" ]; then
  program=$PWD/build/release/tilecompile
  cmake --preset release > /dev/null < /dev/null
  cmake --build --preset release --target tilecompile < /dev/null | tail -n 1 >&2
fi
program=$(realpath "$program")

night=$(realpath -m "$dir/night-${frames}x${width}x$height")
if [ ! -e "$night/run.yaml" ]; then  # written last
  rm -rf "$night"
  "$program" simulate "$night" --frames "$frames" --width "$width" --height "$height" > /dev/null
fi
scratch=$(mktemp -d "$(realpath "$dir")/scratch-XXXXXX")
clean_up() {
  [ ! -d "$scratch/broker" ] || scripts/private-broker.sh stop "$scratch/broker"
  rm -rf "$scratch"
}
trap clean_up EXIT
mkdir "$scratch/siril" "$scratch/home"
number=0
for frame in "$night"/frames/*.fits; do
  number=$((number + 1))
  ln -s "$frame" "$scratch/siril/light_$(printf %05d $number).fits"
done
printf 'requires 1.0.0\nsetext fits\nstack light_ mean none -nonorm -out=mean\n' > "$scratch/siril-mean.ssf"
printf 'requires 1.0.0\nsetext fits\nstack light_ rej w 3 3 -norm=addscale -out=mean\n' > "$scratch/siril-winsorized.ssf"
cat > "$scratch/mean.py" <<'PY'
import glob, sys
import numpy
from astropy.io import fits
paths = sorted(glob.glob(sys.argv[1] + "/*.fits"))
total = 0
for path in paths:
    total = total + fits.getdata(path, memmap=False).astype(numpy.float64)
fits.writeto(sys.argv[2], (total / len(paths)).astype(numpy.float32), overwrite=True)
PY

# measure ROW COMMAND...: a line "seconds cpu-seconds peak-MB" in scratch/ROW.times; says what the command said if it fails.
# The CPU time of workers that the command starts and waits for is in it.
measure() {
  local name=$1
  shift
  cat "$night"/frames/*.fits > /dev/null
  if ! /usr/bin/time -q -o "$scratch/time" -f '%e %U %S %M' "$@" > "$scratch/log" 2>&1 < /dev/null; then
    echo "bench: failed: $*" >&2
    tail -n 20 "$scratch/log" >&2
    exit 1
  fi
  awk '{ printf "%.2f %.2f %.0f\n", $1, $2 + $3, $4 / 1024 }' "$scratch/time" >> "$scratch/$name.times"
}
siril() {
  rm -f "$scratch/siril/mean.fits" "$scratch/siril/light_.seq"
  measure "$1" env HOME="$scratch/home" siril-cli -d "$scratch/siril" -s "$scratch/$1.ssf"
  [ -s "$scratch/siril/mean.fits" ] || { echo "bench: Siril wrote no picture" >&2; tail -n 20 "$scratch/log" >&2; exit 1; }
}
# ours ROW MODE ARGUMENT...: a run whose verdict does not matter here
ours() {
  local name=$1 mode=$2
  shift 2
  rm -rf "$scratch/out"
  measure "$name" "$program" "$mode" "$night/run.yaml" --output "$scratch/out" --quiet --set validation.require_no_tile_pattern=false \
    --set validation.min_fwhm_improvement_percent=-1000 --set validation.max_background_rms_increase_percent=1000 "$@"
  sed -n 's/.*"bytes_read": \([0-9]*\).*/\1/p' "$scratch"/out/latest/run.json | head -n 1 > "$scratch/$name.bytes"
}
distributed() {
  if [ ! -d "$scratch/broker" ]; then
    scripts/private-broker.sh start "$scratch/broker" > "$scratch/port"
    port=$(cat "$scratch/port")
  fi
  ours "master-$1" master --workers "$1" --threads 1 --set broker.port="$port" --set profile=recommended
}
one_row() {
  case $1 in
    siril-*) siril "$1" ;;
    numpy-mean) measure "$1" /usr/bin/python3 "$scratch/mean.py" "$night/frames" "$scratch/mean.fits" ;;
    v2) ours "$1" run --set profile=v2 --set synthetic.enabled=true ;;
    v2-plain) ours "$1" run --set profile=v2 --set synthetic.enabled=false ;;
    recommended | fast) ours "$1" run --set profile="$1" ;;
    master-*) distributed "${1#master-}" ;;
    *) echo "bench: there is no row $1" >&2; exit 2 ;;
  esac
}
port=
for turn in $(seq "$times"); do
  printf 'turn %s of %s, load %s\n' "$turn" "$times" "$(cut -d ' ' -f 1 /proc/loadavg)" >&2
  for row in $rows; do one_row "$row"; done
done

median() {
  cut -d ' ' -f "$2" "$scratch/$1.times" | sort -n |
    awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
ratio() {  # of a row's time to that of another, where both were timed
  [ -e "$scratch/$2.times" ] || { echo -; return; }
  awk -v a="$(median "$1" 1)" -v b="$(median "$2" 1)" 'BEGIN { printf "%.2f", a / b }'
}
bytes_of_frames=$(cat "$night"/frames/*.fits | wc -c)
read_times() {
  [ -s "$scratch/$1.bytes" ] || { echo -; return; }
  awk -v a="$(cat "$scratch/$1.bytes")" -v b="$bytes_of_frames" 'BEGIN { printf "%.1f", a / b }'
}
printf '%s frames of %s x %s px, 16 bit, %s cores, medians of %s\n\n' "$frames" "$width" "$height" "$(nproc)" "$times"
printf '| | time s | CPU s | peak MB | read, times the frames | of Siril mean | of Siril winsorized | single times s |\n'
printf '|---|---|---|---|---|---|---|---|\n'
for row in $rows; do
  printf '| %s | %.2f | %.2f | %.0f | %s | %s | %s | %s |\n' "$row" "$(median "$row" 1)" "$(median "$row" 2)" \
    "$(median "$row" 3)" "$(read_times "$row")" "$(ratio "$row" siril-mean)" "$(ratio "$row" siril-winsorized)" \
    "$(cut -d ' ' -f 1 "$scratch/$row.times" | tr '\n' ' ')"
done
