#!/bin/bash
# Measures how good the pictures are: products of tilecompile, plain stacks and Siril 1.0.6 on the same frames and
# stars; prints a Markdown table for each data set and writes it to build/quality/. docs/quality.md explains it.
# Usage: scripts/quality.sh [--data NAME...] [--rows PART OF NAME...] [--try CONFIG KEY=VALUE...]... [--bootstrap N]
#                           [--nulls] [--rejection] [--reuse] [--out DIR]
# Data sets: hatp32 akb64 (real frames, in ../shared/data or TILECOMPILE_TEST_DATA), steady seeing cloud field bad10
# few30 many300 (simulated). Pictures are kept and made again only when arguments or the program change; rows that are
# not asked for stay in the table as they were measured last.
set -euo pipefail
case ${1:-} in
  -h | --help) sed -n '2,8s/^# //p' "$0"; exit 0 ;;
esac
root=$(cd "$(dirname "$0")/.." && pwd)
(
  cd "$root"
  scripts/install-deps.sh --tests
  cmake --preset release > /dev/null < /dev/null
  cmake --build --preset release --target tilecompile < /dev/null | tail -n 1 >&2
)
exec /usr/bin/python3 "$root/scripts/quality/quality.py" "$@"  # paths are those of where it was called
