#!/bin/bash
# The cases that failed in a log of ctest, each with the lines it printed from its first complaint on.
# Usage: scripts/failed-cases.sh LOG
set -euo pipefail
awk '
  function end_of_case() { if (name != "") printf "== failed: %s\n%s", name, held; name = "" }
  /^\[ RUN      \]/ { end_of_case(); name = $4; held = ""; lines = 0; complained = 0; next }
  /^\[       OK \]|^\[  SKIPPED \]/ { name = ""; next }
  /^\[  FAILED  \]/ { end_of_case(); next }
  /Failure$|^unknown file|^terminate called|has not ended after/ { complained = 1 }
  complained && name != "" && lines < 40 { held = held $0 "\n"; lines++ }
  END { end_of_case() }
' "$1"
# What programs of other kinds say.
grep -aE "^Traceback|^[A-Za-z]*Error:|Segmentation fault|Subprocess aborted" "$1" || true
