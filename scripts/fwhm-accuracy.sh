#!/bin/sh
# Prints how well the FWHM estimator measures simulated stars, and how long it takes.
# Usage: scripts/fwhm-accuracy.sh [build folder]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/release}
[ -f "$build/CMakeCache.txt" ] || cmake --preset release
cmake --build "$build" --target test_frame >/dev/null
"$build/tests/test_frame" --gtest_filter='StarShapeAccuracy.*' --gtest_brief=1
