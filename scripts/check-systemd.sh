#!/bin/bash
# Checks the units in config/systemd with systemd-analyze (Debian package systemd); without it it says so and ends with 77.
# Usage: scripts/check-systemd.sh
set -euo pipefail
cd "$(dirname "$0")/.."
command -v systemd-analyze > /dev/null || { echo "check-systemd: SKIPPED: no systemd-analyze: apt-get install systemd" >&2; exit 77; }

work=$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-units.XXXXXX")
trap 'rm -rf "$work"' EXIT
for unit in config/systemd/*.service; do
  name=$(basename "$unit")
  # It wants programs that are there, and of a template one instance.
  sed 's|^ExecStart=tilecompile|ExecStart=/bin/true|' "$unit" > "$work/${name/@./@check.}"
done
problems=$(systemd-analyze verify --man=no "$work"/*.service 2>&1) || true
if [ -n "$problems" ]; then echo "$problems" >&2; exit 1; fi

# Exposure from 0 (none) to 10, by systemd's own rules; a hardening option that got lost shows here.
for unit in "$work"/*.service; do
  systemd-analyze security --offline=yes --threshold=20 "$unit" > "$work/report" 2>&1 ||
    { cat "$work/report" >&2; exit 1; }
  tail -n 1 "$work/report"
done
