#!/bin/bash
# Makes the image that docker/Dockerfile starts from, without a registry: Debian's own installer, and the package
# mirror that this machine uses. For tests only: the image names that mirror.
# Usage: scripts/docker/base-image.sh NAME [SUITE]      default bookworm
set -euo pipefail
{ [ $# -ge 1 ] && [ $# -le 2 ]; } || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }

suite=${2:-bookworm}
work=$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-base.XXXXXX")
trap 'rm -rf "$work"' EXIT
sources=/etc/apt/sources.list.d/debian.sources
mirror=()
if [ -e "$sources" ]; then
  mirror=("$(awk '$1 == "URIs:" { print $2; exit }' "$sources")")
fi

if ! debootstrap --variant=minbase --include=ca-certificates "$suite" "$work/root" "${mirror[@]}" \
  > "$work/log" 2>&1; then
  tail -n 20 "$work/log" >&2
  exit 1
fi
if [ -e "$sources" ]; then
  sed "s/bookworm/$suite/g" "$sources" > "$work/root/etc/apt/sources.list.d/debian.sources"
  : > "$work/root/etc/apt/sources.list"
fi
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/* \
  "$work"/root/usr/share/{doc,man,locale}/*
tar -C "$work/root" -c . | docker import --change 'CMD ["bash"]' - "$1" > /dev/null
