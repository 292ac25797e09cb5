#!/bin/bash
# The tests that take minutes each. Usage: scripts/test-slow.sh [-- CTEST ARGUMENTS]
exec "$(dirname "$0")/test.sh" --label slow "$@"
