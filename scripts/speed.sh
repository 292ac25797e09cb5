#!/bin/bash
# Times `tilecompile run` next to Siril's plain mean of the same frames and prints a table. A measurement, not a
# test: nothing passes or fails, and a busy machine shows.
# Usage: scripts/speed.sh [--frames 200] [--width 1920] [--height 1080] [--times 3] [--dir build/speed]
# Both programs read the same 16-bit frames from the page cache, one after the other, --times times each; the
# table has the medians. Siril's time is a start of siril-cli that only stacks (no conversion, no registration).
# Simulated frames stay in --dir for the next time (830 MB with the defaults).
set -euo pipefail
cd "$(dirname "$0")/.."
frames=200 width=1920 height=1080 times=3 dir=build/speed
while [ $# -gt 0 ]; do
  case $1 in
    --frames | --width | --height | --times | --dir) declare "${1#--}=${2:?$1 needs a value}"; shift 2 ;;
    *) sed -n '2,7s/^# //p' "$0" >&2; exit 2 ;;
  esac
done
for tool in siril-cli /usr/bin/time; do
  command -v "$tool" > /dev/null || { echo "speed: $tool is missing: scripts/install-deps.sh --tests" >&2; exit 1; }
done
tilecompile=$PWD/build/release/tilecompile
cmake --preset release > /dev/null < /dev/null
cmake --build --preset release --target tilecompile < /dev/null | tail -n 1 >&2

night=$(realpath -m "$dir/night-${frames}x${width}x$height")
if [ ! -e "$night/run.yaml" ]; then  # written last
  rm -rf "$night"
  "$tilecompile" simulate "$night" --profile v2 --frames "$frames" --width "$width" --height "$height" > /dev/null
fi
scratch=$(mktemp -d "$(realpath "$dir")/scratch-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/siril" "$scratch/home"
number=0
for frame in "$night"/frames/*.fits; do
  number=$((number + 1))
  ln -s "$frame" "$scratch/siril/light_$(printf %05d $number).fits"
done
printf 'requires 1.0.0\nsetext fits\nstack light_ mean none -nonorm -out=mean\n' > "$scratch/stack.ssf"

# NAME COMMAND...: one line "seconds cpu-seconds peak-MB" in scratch/NAME; shows what the command said if it fails.
measure() {
  local name=$1
  shift
  cat "$night"/frames/*.fits > /dev/null
  if ! /usr/bin/time -q -o "$scratch/time" -f '%e %U %S %M' "$@" > "$scratch/log" 2>&1 < /dev/null; then
    echo "speed: failed: $*" >&2
    tail -n 20 "$scratch/log" >&2
    exit 1
  fi
  awk '{ printf "%.2f %.2f %.0f\n", $1, $2 + $3, $4 / 1024 }' "$scratch/time" >> "$scratch/$name.times"
}

for turn in $(seq "$times"); do
  printf 'turn %s of %s, load %s\n' "$turn" "$times" "$(cut -d ' ' -f 1 /proc/loadavg)" >&2
  rm -f "$scratch/siril/mean.fits" "$scratch/siril/light_.seq"
  measure siril env HOME="$scratch/home" siril-cli -d "$scratch/siril" -s "$scratch/stack.ssf"
  [ -s "$scratch/siril/mean.fits" ] || { echo "speed: Siril wrote no picture" >&2; tail -n 20 "$scratch/log" >&2; exit 1; }
  rm -rf "$scratch/out"
  measure tilecompile "$tilecompile" run "$night/run.yaml" --output "$scratch/out"
done

median() {
  cut -d ' ' -f "$2" "$scratch/$1.times" | sort -n |
    awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
row() {
  printf '%-28s %9.2f %9.2f %9.0f   %s\n' "$1" "$(median "$2" 1)" "$(median "$2" 2)" "$(median "$2" 3)" \
    "$(cut -d ' ' -f 1 "$scratch/$2.times" | tr '\n' ' ')"
}
printf '%s frames of %s x %s px, 16 bit, %s cores, medians of %s\n\n' "$frames" "$width" "$height" "$(nproc)" "$times"
printf '%-28s %9s %9s %9s   %s\n' '' 'time s' 'CPU s' 'peak MB' 'single times s'
row "Siril plain mean" siril
row "tilecompile run" tilecompile
printf '\ntilecompile / Siril: %s\n' "$(awk -v a="$(median tilecompile 1)" -v b="$(median siril 1)" 'BEGIN { printf "%.2f", a / b }')"
