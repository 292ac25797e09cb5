#!/bin/bash
# A private S3 service (OpenStack Swift with s3api, which verifies signatures) in a directory of its own, on free
# loopback ports, for tests and trials.
#
#   private-s3.sh start DIR    start, with its data if there are any; "HTTP_PORT HTTPS_PORT" on stdout and in DIR/ports
#   private-s3.sh stop DIR     kill it; nothing to do when it does not run; data stay
#
# Keys: "tc:tiles" / "s3secret" may do everything, "tc:other" / "othersecret" nothing. Region us-east-1. The
# certificate of the HTTPS port is its own authority: DIR/tls/cert.pem, for localhost and 127.0.0.1. Listings come
# in pages of 25 objects.
# Environment of `start`: PRIVATE_S3_OWNER    pid; the service is stopped when that process is gone
#                         PRIVATE_S3_ADDRESS  where it listens, and in its certificate; default: 127.0.0.1
set -uo pipefail

die() { echo "private-s3: $*" >&2; exit 1; }
usage() { sed -n '2,12p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
[ $# -ge 2 ] || usage
command=$1
dir=$(realpath -m "$2")
shift 2
address=${PRIVATE_S3_ADDRESS:-127.0.0.1}

# Sleeps without starting a program: reads a pipe into which nobody writes.
exec {silence}<> <(:)
pause() { read -rt "$1" -u "$silence"; }

# True when a process carries our directory in its environment: proof that it is ours. A pid alone proves
# nothing, it may have been given to someone else since.
is_ours() {
  case ${1:-} in '' | *[!0-9]* | 0 | 1) return 1 ;; esac
  grep -qzxF "PRIVATE_S3_DIR=$dir" "/proc/$1/environ" 2>/dev/null
}

# Our servers that run, one pid a line.
members() {
  local pid
  [ -e "$dir/pids" ] || return 0
  while read -r pid; do
    if is_ours "$pid"; then echo "$pid"; fi
  done < "$dir/pids"
}

stop() {
  local turn pid
  for turn in $(seq 100); do
    [ -n "$(members)" ] || return 0
    for pid in $(members); do kill -KILL "$pid" 2> /dev/null; done
    wait 2> /dev/null
    sleep 0.02
  done
  die "processes of $dir survive kill -9 after $turn turns: $(members | tr '\n' ' ')"
}

is_free() { ! (exec 3<>"/dev/tcp/$address/$1") 2>/dev/null; }

# A free port below the ephemeral range, different from those given.
pick_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM << 15 | RANDOM) % 12000))
    case " $* " in *" $port "*) continue ;; esac
    if is_free "$port"; then echo "$port"; return; fi
  done
}

common_settings() {  # PORT
  printf '[DEFAULT]\nbind_ip = %s\nbind_port = %s\nuser = %s\nswift_dir = %s\n' "$address" "$1" "$(id -un)" "$dir/etc"
  printf 'devices = %s\nmount_check = false\nworkers = 0\nlog_level = WARNING\n' "$dir/data"
}

write_rings() {  # NAME:PORT...
  /usr/bin/python3 - "$dir/etc" "$address" "$@" > "$dir/log/rings.log" 2>&1 << 'RINGS' ||
import sys
from swift.common.ring import RingBuilder
folder, address, *servers = sys.argv[1:]
for name, port in (server.split(":") for server in servers):
    builder = RingBuilder(6, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": address, "port": int(port), "replication_ip": address,
                     "replication_port": int(port), "device": "disk", "weight": 1.0, "meta": ""})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{name}.ring.gz")
RINGS
    die "no rings: $(tail -n 5 "$dir/log/rings.log")"
}

write_backend() {  # NAME PORT
  {
    common_settings "$2"
    printf '[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n' "$1" "$1" "$1"
    printf '[%s]\n' "$1-replicator" "$1-auditor" object-updater container-updater container-sync account-reaper
  } > "$dir/etc/$1-server.conf"
}

write_front() {  # NAME PORT, further settings on stdin
  {
    common_settings "$2"
    cat
    cat << 'SETTINGS'
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_tc_tiles = s3secret .admin
user_tc_other = othersecret
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
storage_domain = localhost
max_bucket_listing = 25
auth_pipeline_check = false
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
SETTINGS
  } > "$dir/etc/$1-server.conf"
}

write_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
    -addext "subjectAltName = DNS:localhost, DNS:*.localhost, IP:$address" \
    -keyout "$dir/tls/key.pem" -out "$dir/tls/cert.pem" > "$dir/log/tls.log" 2>&1 ||
    die "no certificate: $(tail -n 3 "$dir/log/tls.log")"
}

write_settings() {
  local account container object http https
  account=$(pick_port)
  container=$(pick_port "$account")
  object=$(pick_port "$account" "$container")
  http=$(pick_port "$account" "$container" "$object")
  https=$(pick_port "$account" "$container" "$object" "$http")
  printf '[swift-hash]\nswift_hash_path_suffix = private\nswift_hash_path_prefix = private\n' > "$dir/etc/swift.conf"
  write_rings "account:$account" "container:$container" "object:$object"
  write_backend account "$account"
  write_backend container "$container"
  write_backend object "$object"
  write_front http "$http" < /dev/null
  printf 'cert_file = %s\nkey_file = %s\n' "$dir/tls/cert.pem" "$dir/tls/key.pem" | write_front https "$https"
  write_certificate
  echo "$account $container $object $http $https" > "$dir/all_ports"
  echo "$http $https" > "$dir/ports"
}

launch() {  # NAME PROGRAM
  PRIVATE_S3_DIR=$dir setsid "$2" "$dir/etc/$1-server.conf" -v > "$dir/log/$1.log" 2>&1 < /dev/null &
  echo $! >> "$dir/pids"
}

start() {
  local turn port ports
  if [ -n "$(members)" ]; then cat "$dir/ports"; return 0; fi
  for program in swift-proxy-server swift-account-server swift-container-server swift-object-server openssl; do
    command -v "$program" > /dev/null ||
      die "no $program: apt-get install swift swift-proxy swift-account swift-container swift-object openssl"
  done
  mkdir -p "$dir"/{data/disk,log,etc,tls} || die "cannot write to $dir"
  if [ ! -e "$dir/ports" ]; then write_settings; fi
  : > "$dir/pids"
  for name in account container object; do launch "$name" "swift-$name-server"; done
  for name in http https; do launch "$name" swift-proxy-server; done
  # All of them: a front without its backends answers 503.
  read -ra ports < "$dir/all_ports"
  for port in "${ports[@]}"; do
    for turn in $(seq 1200); do
      if ! is_free "$port"; then break; fi
      if [ $((turn % 20)) -eq 0 ] && [ "$(members | wc -l)" -lt 5 ]; then break; fi
      pause 0.05
    done
    if is_free "$port"; then
      echo "private-s3: port $port of $dir did not open ($turn turns, $(members | wc -l) of 5 servers run); last words:" >&2
      tail -n 8 "$dir"/log/*.log >&2
      stop
      exit 1
    fi
  done
  if [ -n "${PRIVATE_S3_OWNER:-}" ]; then
    setsid "$0" watch "$dir" "$PRIVATE_S3_OWNER" "$(head -n 1 "$dir/pids")" > /dev/null 2>&1 < /dev/null &
  fi
  cat "$dir/ports"
}

case $command in
  start) start ;;
  stop) stop ;;
  watch)  # internal: DIR OWNER FIRST_SERVER
    [ $# -eq 2 ] || usage
    while [ -d "/proc/$1" ]; do
      if [ ! -d "/proc/$2" ]; then exit 0; fi
      pause 1
    done
    stop
    ;;
  *) usage ;;
esac
