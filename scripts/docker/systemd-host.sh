#!/bin/bash
# Runs in the container of systemd.Dockerfile: sets a host up as docs/operating.md ("systemd") says, then kills, stops
# and misleads its services. Prints one line for each thing that holds; ends with 1 at the first that does not.
# Usage: systemd-host.sh BROKER PASSWORD     /units: config/systemd; /night: what `tilecompile simulate` wrote
set -euo pipefail
broker=$1 password=$2
worker=tilecompile-worker master=tilecompile-master@m31

good() { printf '   ok: %s\n' "$*"; }
fail() { echo "systemd-host: FAILED: $*" >&2; journalctl --no-pager -o cat -n 20 >&2; exit 1; }
get() { systemctl show "$1" -p "$2" --value; }
expect() { [ "$(get "$1" "$2")" = "$3" ] || fail "$1 has $2=$(get "$1" "$2"), expected $3"; }
healthy() { tilecompile health /run/tilecompile-worker/health > /tmp/health 2>&1; }
await() {  # SECONDS COMMAND...
  local limit=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$limit" ] || fail "'$*' does not come true"
    sleep 0.1
  done
}
another_process() { case $(get $worker MainPID) in 0 | "$1") return 1 ;; esac; }
master_ended() { [ "$(get "$master" ActiveState)" != activating ]; }
tiles() { find /srv/tilecompile/tiles -path "*/tiles/*.fits" | wc -l; }
more_tiles_than() { [ "$(tiles)" -gt "$1" ]; }

set_up() {
  if id tilecompile > /dev/null 2>&1; then userdel tilecompile; fi  # the image's own, for containers
  useradd --system --home-dir /var/lib/tilecompile --shell /usr/sbin/nologin tilecompile
  mkdir -p /etc/tilecompile /srv/tilecompile/tiles
  cp -r /night/frames /srv/tilecompile/
  chown -R tilecompile: /srv/tilecompile
  printf '%s\n' input: "  dir: /srv/tilecompile/frames" storage: "  root: /srv/tilecompile/tiles" \
    broker: "  host: $broker" "  user: tilecompile" "  allow_plaintext: true" > /etc/tilecompile/worker.yaml
  sed -e '/^input:/,/^$/d' -e '/^output:/,/^$/d' /night/run.yaml |
    cat - /etc/tilecompile/worker.yaml > /etc/tilecompile/m31.yaml
  printf '%s\n' parallel: "  batch: 1" >> /etc/tilecompile/m31.yaml
  echo "TILECOMPILE_AMQP_PASSWORD=$password" > /etc/tilecompile/worker.env
  chmod 600 /etc/tilecompile/worker.env
  cp -p /etc/tilecompile/worker.env /etc/tilecompile/master.env
  cp /units/*.service /etc/systemd/system/
  mkdir -p /etc/systemd/system/rabbitmq-server.service.d
  cp /units/rabbitmq-server.service.d/* /etc/systemd/system/rabbitmq-server.service.d/
  systemctl daemon-reload
  systemctl enable --now $worker 2> /dev/null
}

set_up
await 20 healthy
good "$(cat /tmp/health)"
systemd-analyze verify --man=no /etc/systemd/system/$worker.service "/etc/systemd/system/$master.service" ||
  fail "systemd-analyze verify"
good "systemd-analyze verify finds nothing; $(systemd-analyze security $worker | tail -n 1 | sed 's/^[^A-Z]*//')"
[ "$(stat -c %U "/proc/$(get $worker MainPID)")" = tilecompile ] || fail "the worker runs as another user"

systemctl start --no-block "$master"
await 60 more_tiles_than 2
process=$(get $worker MainPID)
kill -9 "$process"
killed_at=$(tiles) began=$SECONDS
await 30 another_process "$process"
expect $worker NRestarts 1
good "worker killed after $killed_at tiles with -9 is there again after $((SECONDS - began)) s"
await 60 more_tiles_than "$killed_at"
began=$SECONDS stopped_at=$(tiles)
systemctl stop $worker
expect $worker Result success
expect $worker ExecMainStatus 143
good "worker stopped after $stopped_at tiles in $((SECONDS - began)) s, in order (143)"
systemctl start $worker
await 300 master_ended
expect "$master" Result success
[ "$(tiles)" -gt "$stopped_at" ] || fail "the run was over before the worker was stopped: nothing was shown"
journalctl -u "$master" -o cat --no-pager > /night/systemd.txt
good "the master's run ended in order with $(tiles) tiles"

systemctl start --no-block "$master"
await 60 more_tiles_than "$(tiles)"
began=$SECONDS
systemctl stop "$master"
expect "$master" Result success
journalctl -u "$master" -o cat --no-pager | grep -q "stopped by signal 15; what is done is kept" || fail "it was not stopped"
good "master stopped in the middle of a run in $((SECONDS - began)) s"

echo "nonsense: 1" >> /etc/tilecompile/worker.yaml
systemctl restart $worker
sleep 12  # longer than RestartSec
expect $worker ActiveState failed
expect $worker ExecMainStatus 2
expect $worker NRestarts 0
good "with a wrong configuration it is not started again and again"
