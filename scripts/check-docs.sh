#!/bin/bash
# Runs the blocks of docs/getting-started.md that are marked as tested, as they stand there, on simulated frames.
# Usage: scripts/check-docs.sh [PROGRAM]     default build/release/tilecompile
set -euo pipefail
[ $# -le 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
source=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$source/build/release/tilecompile}")
work=$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-docs.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$program" "$work/bin/tilecompile"
export PATH=$work/bin:$PATH
"$program" simulate "$work/night" --raw --cfa GRBG --frames 32 --width 396 --height 316 --stars 900 --clouds 0 \
  --darks 5 --flats 5 --biases 5 --quiet

# Frames under the names that the page speaks of: FOLDER, and how printf makes a name of the number.
frames() {
  local number=0
  mkdir -p "$1"
  for frame in "$work"/night/lights/*; do
    number=$((number + 1))
    # shellcheck disable=SC2059
    cp "$frame" "$1/$(printf "$2" $number)"
  done
}
page=$source/docs/getting-started.md
for name in $(sed -n 's/^<!-- tested: \(.*\) -->$/\1/p' "$page" | sort -u); do
  mkdir "$work/$name"
  cd "$work/$name"
  case $name in
    seestar) frames "card/MyWorks/M 51_sub" Light_M51_10.0s_IRCUT_%04d.fit ;;
    camera) mkdir card && cp -r "$work"/night/{lights,darks,flats,biases} card ;;
  esac
  awk -v mark="<!-- tested: $name -->" '$0 == mark { due = 1 } /^```$/ { on = 0 } on { print } due && /^```sh$/ { on = 1; due = 0 }' \
    "$page" > commands.sh
  [ -s commands.sh ]
  # A threshold that is missed (3) is an outcome that the page does not speak of, and no failure of its commands.
  bash -eu -o pipefail -c 'tilecompile() { command tilecompile "$@" || { local code=$?; [ $code -eq 3 ] || return $code; }; }
    source ./commands.sh' > output 2>&1 || { tail -n 40 output >&2; echo "check-docs: $name failed" >&2; exit 1; }
  echo "check-docs: $name: $(grep -c . commands.sh) lines work"
done
