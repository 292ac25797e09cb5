#!/bin/bash
# Makes the root of a small Debian 13 system in DIR, whose RabbitMQ (4.0) the tests then use by RABBITMQ_ROOT=DIR
# (scripts/private-broker.sh, scripts/test-rabbitmq4.sh). Nothing to do when it is there. Needs root, debootstrap and the
# mirror that apt uses; about 600 MB and two minutes.
# Usage: scripts/rabbitmq4-root.sh DIR
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
root=$1
[ ! -x "$root/usr/lib/rabbitmq/bin/rabbitmq-server" ] || exit 0
command -v debootstrap > /dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
mirror=$(apt-get indextargets --format '$(SITE)' 2> /dev/null | grep -v security | head -n 1)
[ -n "$mirror" ] || { echo "apt knows no mirror of Debian" >&2; exit 1; }
debootstrap --variant=minbase --include=rabbitmq-server,procps trixie "$root" "$mirror"
