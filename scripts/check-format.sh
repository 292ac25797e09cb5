#!/bin/bash
# Says which tracked C++ files clang-format would change. To format them: scripts/check-format.sh --fix
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(--dry-run -Werror)
case ${1:-} in
  '') ;;
  --fix) mode=(-i) ;;
  *) sed -n '2s/^# //p' "$0" >&2; exit 2 ;;
esac
git ls-files -z '*.cpp' '*.hpp' | xargs -0r clang-format "${mode[@]}" || {
  echo "check-format: scripts/check-format.sh --fix formats these files" >&2
  exit 1
}
