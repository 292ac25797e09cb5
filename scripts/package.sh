#!/bin/bash
# Makes the Debian package of this system and prints its path. It holds the program, configurations, units, man pages and
# the completion for bash, and depends on the libraries of the system it was made on.
# Usage: scripts/package.sh [BUILD_DIR]      default build/package
set -euo pipefail
[ $# -le 1 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
source=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath -m "${1:-$source/build/package}")
"$source/scripts/install-deps.sh" --package
cmake -S "$source" --preset release -B "$build" -DTILECOMPILE_TESTS=OFF > /dev/null
cmake --build "$build" --target tilecompile manual >&2
cd "$build"
rm -f ./*.deb
cpack > cpack.log 2>&1 || { cat cpack.log >&2; exit 1; }
ls "$build"/*.deb
