#!/bin/bash
# A private Docker engine in a directory and a network namespace of its own, for tests. Needs root.
#
#   private-docker.sh start DIR   start, with its images if there are any; the value for DOCKER_HOST on stdout
#   private-docker.sh stop DIR    remove its containers, end it, take down its network; images stay in DIR
#   private-docker.sh exec DIR COMMAND ARG..   run a command in its network, where its bridges are
#   private-docker.sh trace DIR   what is left of it on this machine outside of DIR; nothing when it was stopped
#
# Its bridges and firewall rules live in the namespace. On the host it needs one pair of interfaces and three rules
# for the way out, all marked with its name.
# Environment of `start`: PRIVATE_DOCKER_OWNER  pid; the engine is stopped when that process is gone
set -uo pipefail

die() { echo "private-docker: $*" >&2; exit 1; }
usage() { sed -n '2,12p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
[ $# -ge 2 ] || usage
command=$1
dir=$(realpath -m "$2")
shift 2
# Ten letters at most, because names of interfaces are short; the same for the same directory.
name=tcd$(printf '%s' "$dir" | sha256sum | cut -c1-7)
socket=$dir/docker.sock
# What forwarding was before the first engine of this kind; the last one puts it back.
forwarding=/run/private-docker.forwarding

# True when a process carries our directory in its environment: proof that it is ours.
is_ours() {
  case ${1:-} in '' | *[!0-9]* | 0 | 1) return 1 ;; esac
  grep -qzxF "PRIVATE_DOCKER_DIR=$dir" "/proc/$1/environ" 2> /dev/null
}

# dockerd, its containerd and shims, one pid a line.
members() {
  local file pid
  for file in $(grep -lzxF "PRIVATE_DOCKER_DIR=$dir" /proc/[0-9]*/environ 2> /dev/null); do
    pid=${file#/proc/}
    echo "${pid%/environ}"
  done
}

ask() { docker -H "unix://$socket" "$@"; }

way_out() { ip -4 route show default | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }'; }

raise_network() {
  local third=$((RANDOM % 256)) out
  out=$(way_out)
  [ -n "$out" ] || die "this machine has no default route, but images are built from packages"
  ip netns add "$name" &&
    ip link add "$name" type veth peer name eth0 netns "$name" &&
    ip addr add "10.213.$third.1/30" dev "$name" &&
    ip link set "$name" up &&
    ip -n "$name" link set lo up &&
    ip -n "$name" addr add "10.213.$third.2/30" dev eth0 &&
    ip -n "$name" link set eth0 up &&
    ip -n "$name" route add default via "10.213.$third.1" &&
    iptables -w -t nat -A POSTROUTING -s "10.213.$third.0/30" -m comment --comment "$name" -j MASQUERADE &&
    iptables -w -I FORWARD -i "$name" -m comment --comment "$name" -j ACCEPT &&
    iptables -w -I FORWARD -o "$name" -m comment --comment "$name" -j ACCEPT || return 1
  [ -e "$forwarding" ] || echo "$out $(cat "/proc/sys/net/ipv4/conf/$out/forwarding")" > "$forwarding"
  echo 1 > "/proc/sys/net/ipv4/conf/$name/forwarding"
  echo 1 > "/proc/sys/net/ipv4/conf/$out/forwarding"
}

drop_network() {
  local out before table rule
  for table in nat filter; do
    iptables-save -t "$table" 2> /dev/null | grep -E -- "--comment \"?$name\"? " | while read -r rule; do
      # shellcheck disable=SC2086  # words of the rule
      iptables -w -t "$table" -D ${rule#-A }
    done
  done
  ip link del "$name" 2> /dev/null
  ip netns del "$name" 2> /dev/null
  if [ -e "$forwarding" ] && ! ip netns list | grep -q '^tcd[0-9a-f]\{7\}'; then
    read -r out before < "$forwarding"
    echo "$before" > "/proc/sys/net/ipv4/conf/$out/forwarding"
    rm -f "$forwarding"
  fi
}

remove_cgroups() {
  find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} + 2> /dev/null
  return 0
}

# The engine sees the namespace's network and folders below /run and /etc/docker of its own.
launch() {
  mkdir -p /run/containerd /run/docker /etc/docker
  setsid nsenter --net="/run/netns/$name" unshare --mount --propagation slave \
    env -i PATH="$PATH" HOME="$dir/home" PRIVATE_DOCKER_DIR="$dir" sh -c '
      for folder in /run/containerd /run/docker /etc/docker; do mount -t tmpfs tmpfs "$folder" || exit 1; done
      exec dockerd "$@"' dockerd \
    --host "unix://$socket" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
    --bip 172.17.0.1/16 --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$name" --log-level warn \
    > "$dir/dockerd.log" 2>&1 < /dev/null &
  echo $! > "$dir/engine.pid"
  local turn
  for turn in $(seq 240); do
    if ask version > /dev/null 2>&1; then return 0; fi
    if [ "$turn" -gt 20 ] && [ -z "$(members)" ]; then return 1; fi
    sleep 0.25
  done
  return 1
}

start() {
  local tool
  [ "$(id -u)" -eq 0 ] || die "needs root"
  for tool in dockerd docker ip iptables nsenter; do
    command -v "$tool" > /dev/null || die "no $tool: apt-get install docker.io iproute2 iptables util-linux"
  done
  if ask version > /dev/null 2>&1; then echo "unix://$socket"; return; fi
  mkdir -p "$dir/home" || die "cannot write to $dir"
  stop  # what a crash has left
  if ! raise_network; then drop_network; die "cannot make the network of the engine"; fi
  if ! launch; then
    echo "private-docker: dockerd did not start; its last words:" >&2
    tail -n 20 "$dir/dockerd.log" >&2
    stop
    exit 1
  fi
  if [ -n "${PRIVATE_DOCKER_OWNER:-}" ]; then
    setsid "$0" watch "$dir" "$PRIVATE_DOCKER_OWNER" "$(cat "$dir/engine.pid")" > /dev/null 2>&1 < /dev/null &
  fi
  echo "unix://$socket"
}

stop() {
  local pid turn containers
  containers=$(timeout 60 docker -H "unix://$socket" ps -aq 2> /dev/null)
  # shellcheck disable=SC2086  # one word a container
  [ -z "$containers" ] || timeout 120 docker -H "unix://$socket" rm -f -v $containers > /dev/null 2>&1
  pid=$(cat "$dir/engine.pid" 2> /dev/null)
  if is_ours "$pid"; then kill -TERM "$pid"; fi
  for turn in $(seq 200); do
    [ -n "$(members)" ] || break
    if [ "$turn" -gt 120 ]; then for pid in $(members); do kill -KILL "$pid" 2> /dev/null; done; fi
    sleep 0.1
  done
  [ -z "$(members)" ] || die "processes of $dir survive kill -9: $(members | tr '\n' ' ')"
  rm -f "$dir/engine.pid" "$dir/pid" "$socket"
  rm -rf "$dir/exec"
  drop_network
  remove_cgroups
}

trace() {
  members | sed 's/^/process /'
  ip -br link show | awk -v name="$name" 'index($1, name) == 1 { print "interface " $1 }'
  ip netns list | awk -v name="$name" '$1 == name { print "network namespace " $1 }'
  iptables-save 2> /dev/null | grep -F -- "$name" | sed 's/^/rule /'
  find /sys/fs/cgroup -type d -path "*/$name*" 2> /dev/null | sed 's/^/cgroup /'
  grep -F " $dir/" /proc/self/mounts | sed 's/^/mount /'
  return 0
}

case $command in
  start) start ;;
  stop) stop ;;
  exec) exec ip netns exec "$name" "$@" ;;
  trace) trace ;;
  watch)  # internal: DIR OWNER ENGINE
    [ $# -eq 2 ] || usage
    while [ -d "/proc/$1" ]; do
      [ "$(cat "$dir/engine.pid" 2> /dev/null)" = "$2" ] && is_ours "$2" || exit 0
      sleep 1
    done
    exec "$0" stop "$dir"
    ;;
  *) usage ;;
esac
