#!/bin/bash
# Shows tilecompile at work: installs and builds it, simulates a raw night (lights, darks, flats, biases), makes the
# picture once with two workers over a private RabbitMQ and once in a single process, and checks that both are the
# same to the bit.
# Usage: scripts/demo.sh [DIR]     DIR: new or empty folder for frames and results; default build/demo, emptied
# Environment: DEMO_FRAMES (60), DEMO_WIDTH (960), DEMO_HEIGHT (640)
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  -*) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;;
  '')
    demo=$PWD/build/demo
    if [ -e "$demo/broker" ]; then scripts/private-broker.sh stop "$demo/broker"; fi
    rm -rf "$demo"
    ;;
  *)
    demo=$(realpath -m "$1")
    if [ -n "$(ls -A "$demo" 2> /dev/null)" ]; then echo "demo: $demo is not empty" >&2; exit 2; fi
    ;;
esac
mkdir -p "$demo"
log=$demo/demo.log
: > "$log"
frames=${DEMO_FRAMES:-60} width=${DEMO_WIDTH:-960} height=${DEMO_HEIGHT:-640}
tilecompile=$PWD/build/release/tilecompile
child=
step="starting"

finish() {
  local code=$?
  trap - EXIT INT TERM
  if [ -n "$child" ]; then
    kill -TERM "$child" 2> /dev/null || true
    wait "$child" 2> /dev/null || true
  fi
  if [ -e "$demo/broker" ]; then scripts/private-broker.sh stop "$demo/broker" || true; fi
  if [ "$code" -gt 128 ]; then
    printf '\ndemo: stopped while %s; the log is %s\n' "$step" "$log" >&2
  elif [ "$code" -ne 0 ]; then
    printf '\ndemo: failed while %s (exit code %d). The end of %s:\n\n' "$step" "$code" "$log" >&2
    tail -n 30 "$log" >&2
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

began=
say() { step=$1; began=$SECONDS; printf '%-62s' "$1 ..."; printf '\n== %s\n' "$1" >> "$log"; }
done_in() { printf '%4d s\n' $((SECONDS - began)); }

# What the compiler says goes to the log; a terminal sees how far it is.
show_count() {
  local line
  while IFS= read -r line; do
    if [ -t 1 ] && [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
      printf '\r%-62s%s of %s\033[K' "$step ..." "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    fi
  done
  if [ -t 1 ]; then printf '\r%-62s\033[K' "$step ..."; fi
}

# A program in the background, so that a signal to this script ends it at once. Exit code 3 is a picture that
# missed its validation: a result like any other here.
run() {
  local out=$1 code=0
  shift
  echo "\$ $*" >> "$log"
  env -u TILECOMPILE_AMQP_PASSWORD "$@" > "$out" 2>> "$log" < /dev/null &
  child=$!
  wait "$child" || code=$?
  child=
  cat "$out" >> "$log"
  [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || return "$code"
}

product() { awk -v name="$2" '$1 == name { print $2; exit }' "$1"; }
digest() { awk '$1 == "reconstruction" { found = 1 } found && $1 == "digest" { print $2; exit }' "$1"; }

say "installing what is missing"
scripts/install-deps.sh >> "$log" 2>&1 < /dev/null
done_in
say "building (minutes, the first time)"
cmake --preset release >> "$log" 2>&1 < /dev/null
cmake --build --preset release --target tilecompile 2>&1 < /dev/null | tee -a "$log" | show_count
done_in
say "simulating $frames raw frames of $width x $height px"
run "$demo/simulate.txt" "$tilecompile" simulate "$demo/night" --raw --frames "$frames" --width "$width" --height "$height"
done_in
say "starting a private RabbitMQ"
port=$(PRIVATE_BROKER_OWNER=$$ scripts/private-broker.sh start "$demo/broker" 2>> "$log")
done_in
say "from raw to the picture with a master and 2 workers over RabbitMQ"
run "$demo/master.txt" "$tilecompile" master "$demo/night" --workers 2 --output "$demo/master" --set broker.port="$port"
done_in
say "stopping RabbitMQ"
scripts/private-broker.sh stop "$demo/broker" >> "$log" 2>&1
done_in
say "again in one process"
run "$demo/run.txt" "$tilecompile" run "$demo/night" --output "$demo/run"
done_in

step="comparing the two pictures"
a=$(product "$demo/master.txt" reconstruction)
b=$(product "$demo/run.txt" reconstruction)
echo "== $step" >> "$log"
printf '\nSHA-256 of the pixels\n  master and 2 workers  %s\n  one process           %s\n  ' \
  "$(digest "$demo/master.txt")" "$(digest "$demo/run.txt")"
"$tilecompile" compare "$a" "$b" 2>&1 | tee -a "$log"
if [ "$(digest "$demo/master.txt")" != "$(digest "$demo/run.txt")" ]; then echo "the digests differ" >> "$log"; exit 1; fi
printf '\nWhat the run says\n'
sed 's/^/  /' "$demo/run.txt"
folder=$(dirname "$(sed -n 's/.*your picture: //p' "$demo/run.txt")")
printf '\nThe picture      %s\nto look at       %s\nall about it     %s (open it in a browser)\nplain mean       %s\nlog              %s\n' \
  "$folder/stacked.fit" "$folder/preview.jpg" "$folder/report.html" "$(product "$demo/run.txt" classical)" "$log"
