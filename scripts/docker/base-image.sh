#!/bin/bash
# Makes the image that docker/Dockerfile starts from, without a registry: Debian's own installer, and the package
# mirror that this machine uses. For tests only: the image names that mirror.
# Usage: scripts/docker/base-image.sh NAME [SUITE [ARCHITECTURE]]      default bookworm, that of this machine
# Another architecture than this machine's needs its programs to run here: scripts/test-arm64.sh sees to that.
set -euo pipefail
{ [ $# -ge 1 ] && [ $# -le 3 ]; } || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }

suite=${2:-bookworm}
architecture=${3:-$(dpkg --print-architecture)}
work=$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-base.XXXXXX")
trap 'rm -rf "$work"' EXIT
sources=/etc/apt/sources.list.d/debian.sources
mirror=()
if [ -e "$sources" ]; then
  mirror=("$(awk '$1 == "URIs:" { print $2; exit }' "$sources")")
fi

if ! debootstrap --arch="$architecture" --variant=minbase --include=ca-certificates "$suite" "$work/root" \
  "${mirror[@]}" > "$work/log" 2>&1; then
  tail -n 20 "$work/log" >&2
  exit 1
fi
if [ -e "$sources" ]; then
  sed "s/bookworm/$suite/g" "$sources" > "$work/root/etc/apt/sources.list.d/debian.sources"
  : > "$work/root/etc/apt/sources.list"
fi
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/* \
  "$work"/root/usr/share/{doc,man,locale}/*
# Not by "docker import", which takes every image for one of this machine's architecture.
mkdir "$work/image"
tar -C "$work/root" -cf "$work/image/root.tar" .
printf 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n' > "$work/image/Dockerfile"
docker build --platform "linux/$architecture" -t "$1" "$work/image" > /dev/null
