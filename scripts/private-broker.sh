#!/bin/bash
# A private RabbitMQ in a directory of its own, on free loopback ports, for tests and trials.
#
#   private-broker.sh start DIR      start (or start again, with its data); AMQP port on stdout and in DIR/port
#   private-broker.sh stop DIR       kill it; nothing to do when it does not run; data stay
#   private-broker.sh restart DIR    orderly shutdown, then start on the same port
#   private-broker.sh kill9 DIR      kill -9, as a crash
#   private-broker.sh pause DIR      stop its processes (SIGSTOP);  cont DIR  lets them go on
#   private-broker.sh ctl DIR ARG..  rabbitmqctl against it
#   private-broker.sh queues DIR VHOST ITEM..  name and items of each queue that runs, a hundred times as fast
#   private-broker.sh eval DIR TEXT  what an Erlang expression writes to stdout
#
# Environment of `start`: PRIVATE_BROKER_CONF   file appended to rabbitmq.conf; @TLS_PORT@ in it becomes a free
#                                               port, which is also in DIR/tls_port
#                         PRIVATE_BROKER_PLUGINS comma-separated plugins
#                         PRIVATE_BROKER_OWNER  pid; the broker is stopped when that process is gone
# RABBITMQ_ROOT, for every command: the root of another system, made by scripts/rabbitmq4-root.sh, whose RabbitMQ is
# meant. Needs root; DIR lies at the same place inside.
# Login: guest / guest on vhost /. Works as root and as an ordinary user; several stand side by side.
set -uo pipefail

die() { echo "private-broker: $*" >&2; exit 1; }
usage() { sed -n '2,19p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
[ $# -ge 2 ] || usage
command=$1
dir=$(realpath -m "$2")
shift 2

# Runs the whole script again inside RABBITMQ_ROOT, which sees this system's processes, devices and the folders of DIR
# and of this script.
enter_root() {
  local root place own
  root=$(realpath "$RABBITMQ_ROOT")
  own=$(realpath "$(dirname "$0")")
  mkdir -p "$dir" || die "cannot make $dir"
  mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
  [ -e "$root/dev/urandom" ] || mount --bind /dev "$root/dev"
  for place in "$own" "$(dirname "$dir")" ${PRIVATE_BROKER_CONF:+"$(dirname "$PRIVATE_BROKER_CONF")"}; do
    mkdir -p "$root$place"
    # A folder that was mounted, removed and made again is another one.
    [ "$root$place" -ef "$place" ] || mount --bind "$place" "$root$place" || die "cannot mount $place below $root"
  done
  exec env -u RABBITMQ_ROOT PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$own/$(basename "$0")" "$@"
}
[ -z "${RABBITMQ_ROOT:-}" ] || enter_root "$command" "$dir" "$@"

# The scripts in /usr/sbin switch to the rabbitmq user; these are the programs behind them.
bin=${RABBITMQ_BIN:-/usr/lib/rabbitmq/bin}
amqp_port=  # comes from DIR/env

# Sleeps without starting a program: reads a pipe into which nobody writes.
exec {silence}<> <(:)
pause() { read -rt "$1" -u "$silence"; }

# True when a process carries our HOME in its environment: proof that it is ours. Ports and pid files alone
# prove nothing, a pid may have been given to someone else since.
is_ours() {
  case ${1:-} in '' | *[!0-9]* | 0 | 1) return 1 ;; esac
  grep -qzxF "HOME=$dir/home" "/proc/$1/environ" 2>/dev/null
}

# Our processes, one pid a line: those in the group of the server started last.
members() {
  local group pid
  group=$(cat "$dir/server.pid" 2>/dev/null) || return 0
  case $group in '' | *[!0-9]* | 0 | 1) return 0 ;; esac
  for pid in $(pgrep -g "$group"); do
    if is_ours "$pid"; then echo "$pid"; fi
  done
}

signal_members() {
  local pid
  for pid in $(members); do kill "-$1" "$pid" 2>/dev/null; done
}

kill_server() {
  local turn
  for turn in $(seq 200); do
    [ -n "$(members)" ] || return 0
    signal_members KILL
    sleep 0.02
  done
  die "processes of $dir survive kill -9 after $turn turns: $(members | tr '\n' ' ')"
}

kill_epmd() {
  local pid
  pid=$(cat "$dir/epmd.pid" 2>/dev/null) || return 0
  if is_ours "$pid"; then kill -9 "$pid" 2>/dev/null; fi
  rm -f "$dir/epmd.pid"
}

# Ends the server in order: SIGTERM to the Erlang machine only, its wrapper follows.
end_server() {
  local pid turn
  for pid in $(members); do
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = beam.smp ]; then kill -TERM "$pid" 2>/dev/null; fi
  done
  for turn in $(seq 300); do
    [ -n "$(members)" ] || return 0
    sleep 0.05
  done
  echo "private-broker: no orderly shutdown after $turn turns, killing" >&2
  kill_server
}

is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A free port below the ephemeral range, different from those given.
pick_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM << 15 | RANDOM) % 12000))
    case " $* " in *" $port "*) continue ;; esac
    if is_free "$port"; then echo "$port"; return; fi
  done
}

write_settings() {
  local amqp epmd dist tls
  amqp=$(pick_port)
  epmd=$(pick_port "$amqp")
  dist=$(pick_port "$amqp" "$epmd")
  tls=$(pick_port "$amqp" "$epmd" "$dist")
  echo "$tls" > "$dir/tls_port"
  echo "[${PRIVATE_BROKER_PLUGINS:-}]." > "$dir/enabled_plugins"
  {
    echo "listeners.tcp.1 = 127.0.0.1:$amqp"
    echo "log.file.level = info"
    # Well above what tests need: a memory or disk alarm would block publishers.
    echo "vm_memory_high_watermark.absolute = 2048MB"
    echo "disk_free_limit.absolute = 64MB"
    if [ -n "${PRIVATE_BROKER_CONF:-}" ]; then sed "s/@TLS_PORT@/$tls/g" "$PRIVATE_BROKER_CONF"; fi
  } > "$dir/rabbitmq.conf"
  cat > "$dir/env" <<SETTINGS
export HOME='$dir/home'
export LANG=C.UTF-8
export ERL_CRASH_DUMP='$dir/erl_crash.dump'
export RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_NODENAME=private$amqp@localhost
export RABBITMQ_MNESIA_BASE='$dir/mnesia'
export RABBITMQ_LOG_BASE='$dir/log'
export RABBITMQ_CONFIG_FILE='$dir/rabbitmq.conf'
export RABBITMQ_ENABLED_PLUGINS_FILE='$dir/enabled_plugins'
export RABBITMQ_PID_FILE='$dir/rabbitmq.pid'
export RABBITMQ_DIST_PORT=$dist
export ERL_EPMD_PORT=$epmd
export ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none +MMscs 128'
amqp_port=$amqp
SETTINGS
}

# A folder with what the server itself needs, in place of that of all plugins: a broker without plugins would look into
# each, which takes a quarter of its start. Made anew at each start, since the server may be another one then.
lean_plugins() {
  local all
  rm -rf "$dir/plugins"
  if [ "$(< "$dir/enabled_plugins")" != "[]." ]; then return 0; fi
  for all in "$bin"/../lib/rabbitmq_server-*/plugins; do
    [ -d "$all" ] || return 0
    mkdir -p "$dir/plugins"
    find "$(realpath "$all")" -mindepth 1 -maxdepth 1 \( -name 'rabbitmq_prelaunch*' -o -not -name 'rabbitmq_*' \) \
      -exec ln -sft "$dir/plugins" {} +
    export RABBITMQ_PLUGINS_DIR=$dir/plugins
  done
}

# Starts epmd and server with the settings in DIR; 0 when ready, 1 when it died, 2 when it takes too long.
launch() {
  local turn limit=2400
  local -a log
  # shellcheck source=/dev/null
  . "$dir/env"
  lean_plugins
  # Our own epmd first: one started by the server would outlive it, one of the system is not ours.
  if ! is_ours "$(cat "$dir/epmd.pid" 2>/dev/null)"; then
    setsid epmd -address 127.0.0.1 -port "$ERL_EPMD_PORT" > "$dir/epmd.log" 2>&1 < /dev/null {silence}>&- &
    echo $! > "$dir/epmd.pid"
  fi
  : > "$dir/startup.log"
  setsid "$bin/rabbitmq-server" > "$dir/startup.log" 2>&1 < /dev/null {silence}>&- &
  echo $! > "$dir/server.pid"
  # On a busy machine this waits long, several at a time: a look starts no program.
  for turn in $(seq $limit); do
    mapfile -t log < "$dir/startup.log"
    if [[ ${log[*]} =~ broker\.\.\.\ *completed ]]; then return 0; fi
    if [ $((turn % 20)) -eq 0 ] && [ -z "$(members)" ]; then return 1; fi
    pause 0.05
  done
  return 2
}

# What an Erlang expression writes to stdout; 1 when it fails. rabbitmqctl starts an Erlang machine for each call, this
# does not.
evaluate() {
  local written
  # shellcheck source=/dev/null
  . "$dir/env"
  written=$(erl_call -sname "$RABBITMQ_NODENAME" -c "$(< "$dir/home/.erlang.cookie")" -h "private$$" -timeout 20 \
    -fetch_stdout -no_result_term -e <<< "$1, io:format(\"done\").") && [[ $written == *done ]] || return 1
  printf %s "${written%done}"
}

# For each queue of VHOST what rabbit_amqqueue:info says of ITEMs, in a line. It fails while one is going away.
list_queues() {
  local vhost=$1 items
  shift
  items=$(IFS=,; echo "name,$*")
  SECONDS=0
  while [ $SECONDS -lt 60 ] && [ -n "$(members)" ]; do
    evaluate "[begin [{name, Name} | Values] = Info,
        io:format(\"~ts~s~n\", [element(4, Name), [[9, io_lib:format(\"~0p\", [Value])] || {_, Value} <- Values]]) end ||
      Info <- [rabbit_amqqueue:info(Queue, [$items]) || Queue <- rabbit_amqqueue:list(<<\"$vhost\">>)]]" && return
    pause 0.05
  done
  die "no answer about $items of the queues of $vhost"
}

show_failure() {
  echo "private-broker: RabbitMQ in $dir did not start ($1); its last words:" >&2
  tail -n 25 "$dir/startup.log" "$dir/epmd.log" >&2
}

watch_owner() {
  [ -n "${PRIVATE_BROKER_OWNER:-}" ] || return 0
  setsid "$0" watch "$dir" "$PRIVATE_BROKER_OWNER" "$(cat "$dir/server.pid")" > /dev/null 2>&1 < /dev/null &
}

start() {
  local attempt code fresh=no
  if [ -n "$(members)" ]; then cat "$dir/port"; return 0; fi
  if [ ! -x "$bin/rabbitmq-server" ] || ! command -v epmd > /dev/null; then
    die "RabbitMQ is not installed: apt-get install rabbitmq-server (looked in $bin)"
  fi
  mkdir -p "$dir"/{home,log,mnesia} || die "cannot write to $dir"
  if [ ! -e "$dir/home/.erlang.cookie" ]; then
    (umask 077 && od -An -N20 -tx1 /dev/urandom | tr -d ' \n' > "$dir/home/.erlang.cookie")
    chmod 400 "$dir/home/.erlang.cookie"
  fi
  if [ ! -e "$dir/env" ]; then fresh=yes; fi
  # Somebody may take a port between our look and the server's bind; a fresh broker then tries other ones.
  for attempt in 1 2 3; do
    if [ $fresh = yes ]; then write_settings; fi
    launch
    code=$?
    if [ $code -eq 0 ]; then
      echo "$amqp_port" > "$dir/port"
      watch_owner
      echo "$amqp_port"
      return 0
    fi
    kill_server
    kill_epmd
    if [ $fresh = no ] || ! grep -qiE 'eaddrinuse|address already in use' "$dir/startup.log" "$dir/epmd.log" "$dir"/log/*.log 2>/dev/null; then
      break
    fi
    echo "private-broker: a port was taken, attempt $attempt" >&2
    rm -rf "$dir/mnesia" "$dir/log"
    mkdir -p "$dir/mnesia" "$dir/log"
  done
  if [ $code -eq 2 ]; then show_failure "not ready after 120 s"; else show_failure "it ended"; fi
  exit 1
}

case $command in
  start) start ;;
  stop)
    signal_members CONT
    kill_server
    kill_epmd
    ;;
  restart)
    [ -e "$dir/env" ] || die "there is no broker in $dir: start it first"
    signal_members CONT
    end_server
    start
    ;;
  kill9) kill_server ;;
  pause) signal_members STOP ;;
  cont) signal_members CONT ;;
  ctl)
    [ -e "$dir/env" ] || die "there is no broker in $dir: start it first"
    # shellcheck source=/dev/null
    . "$dir/env"
    exec "$bin/rabbitmqctl" "$@"
    ;;
  queues | eval)
    [ -e "$dir/env" ] || die "there is no broker in $dir: start it first"
    if [ $# -lt 1 ] || { [ "$command" = queues ] && [ $# -lt 2 ]; }; then usage; fi
    command -v erl_call > /dev/null || die "erl_call is missing: apt-get install erlang-base"
    if [ "$command" = queues ]; then list_queues "$@"; else evaluate "$1" || die "failed: $1"; fi
    ;;
  watch)  # internal: DIR OWNER SERVER
    [ $# -eq 2 ] || usage
    while [ -d "/proc/$1" ]; do
      if [ ! -d "/proc/$2" ]; then exit 0; fi
      pause 1
    done
    if [ "$(cat "$dir/server.pid" 2>/dev/null)" = "$2" ]; then exec "$0" stop "$dir"; fi
    ;;
  *) usage ;;
esac
