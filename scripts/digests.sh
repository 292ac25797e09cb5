#!/bin/bash
# SHA-256 of the pixels of every product, for real and simulated frames, profiles and ways to run: what a change that
# must not change a bit has to leave as it is. Two programs give the same pictures when their tables are equal.
# Usage: scripts/digests.sh PROGRAM [PART OF A ROW]... > table
# Columns, tab-separated and sorted: set, profile, mode, product, digest. Takes minutes; needs RabbitMQ for the mode master.
# Real frames: ../shared/data or TILECOMPILE_TEST_DATA. Configuration files are those beside this script.
set -euo pipefail
[ $# -ge 1 ] && [ -x "$1" ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
program=$(realpath "$1")
shift
wanted=("$@")
cd "$(dirname "$0")/.."
data=$(realpath "${TILECOMPILE_TEST_DATA:-../shared/data}")
work=$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-digests-XXXXXX")
port=  # of the broker, once a row needs it
clean_up() {
  [ ! -d "$work/broker" ] || scripts/private-broker.sh stop "$work/broker"
  rm -rf "$work"
}
trap clean_up EXIT

# What each profile sets beside its file, so that few frames of any size will do.
synthetic=(synthetic.enabled=true synthetic.frames_min=3 synthetic.frames_max=3 stacking.engine=internal)
any_shape=(input.stage=registered data.frames_min=2 data.image_width=0 data.image_height=0 data.color_mode=auto)
declare -A file=([v2]=tile_compile.v2 [deep-sky]=deep-sky [smart-telescope]=smart-telescope [fast]=fast)
declare -A frames_of=([hatp32]=$data/hatp32 [akb64]=$data/akb64 [seestar_rgb]=$data/seestar_rgb)
declare -A night=(
  [night-mono]="--frames 80 --width 480 --height 360 --stars 90 --fwhm-spread 0.2 --clouds 0.5 --seed 11"
  [night-rgb]="--frames 70 --width 300 --height 230 --stars 60 --channels 3 --bitpix -32 --drift 30 --seed 12")

prepare() {  # SET: simulates its frames once
  if [ -n "${night[$1]:-}" ]; then
    frames_of[$1]=$work/$1/frames
    # shellcheck disable=SC2086  # the options are words
    [ -d "$work/$1" ] || "$program" simulate "$work/$1" ${night[$1]} > /dev/null 2>&1
  fi
  [ -d "${frames_of[$1]}" ] || { echo "digests: no frames at ${frames_of[$1]}" >&2; exit 4; }
}

row() {  # SET PROFILE[+synthetic] MODE; MODE: run, master, run-chunks, master-chunks
  local set=$1 profile=$2 mode=$3 out=$work/out name words=() value
  name="$set $profile $mode"
  if [ ${#wanted[@]} -gt 0 ]; then
    local part found=
    for part in "${wanted[@]}"; do [[ $name != *"$part"* ]] || found=1; done
    [ -n "$found" ] || return 0
  fi
  prepare "$set"
  local settings=("input.dir=${frames_of[$set]}" "${any_shape[@]}")
  [ "$set" != akb64 ] || settings+=(data.exposure_tolerance_percent=300)
  [ "$set" != hatp32 ] || settings+=(data.saturation=3800)
  [[ $profile != *+synthetic ]] || settings+=("${synthetic[@]}")
  [[ $mode != *-chunks ]] || settings+=(parallel.frame_chunks=1)
  words=("${mode%-chunks}" "config/${file[${profile%+synthetic}]}.yaml" --output "$out" --quiet)
  if [[ $mode == master* ]]; then
    [ -n "$port" ] || port=$(PRIVATE_BROKER_OWNER=$$ scripts/private-broker.sh start "$work/broker")
    words+=(--workers 2)
    settings+=("broker.port=$port")
  fi
  for value in "${settings[@]}"; do words+=(--set "$value"); done
  rm -rf "$out"
  local code=0
  "$program" "${words[@]}" > "$work/log" 2>&1 < /dev/null || code=$?
  if [ "$code" != 0 ] && [ "$code" != 3 ]; then  # 3: the verdict is not the point
    echo "digests: $name ended with $code" >&2
    tail -n 5 "$work/log" >&2
    printf '%s\t%s\t%s\t-\tended with %s\n' "$set" "$profile" "$mode" "$code"
    return 0
  fi
  python3 - "$set" "$profile" "$mode" "$out"/????????-*/run.json <<'PYTHON'
import json, sys
for product, facts in json.load(open(sys.argv[4]))["products"].items():
    print(*sys.argv[1:4], product, facts["digest"], sep="\t")
PYTHON
  echo "digests: $name" >&2
}

{
  for set in hatp32 akb64 seestar_rgb night-mono night-rgb; do
    for profile in v2 v2+synthetic deep-sky deep-sky+synthetic smart-telescope fast; do row $set $profile run; done
    for profile in v2+synthetic deep-sky; do row $set $profile master; done
  done
  for set in hatp32 night-mono night-rgb; do row $set v2 run-chunks; done
  for set in hatp32 night-rgb; do row $set fast master-chunks; done
  row night-rgb smart-telescope+synthetic master
} | LC_ALL=C sort
