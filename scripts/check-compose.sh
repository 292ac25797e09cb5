#!/bin/bash
# Checks the compose files of docker/ with their example environments, without an engine: they are read by
# docker-compose (Debian package docker-compose) or Compose v2, need no variable that their example lacks, publish broker
# and S3 server at one address alone, the latter when asked for, and hold no secret. Without either program it says so and ends with 77.
# Usage: scripts/check-compose.sh
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v docker-compose > /dev/null; then
  compose=(docker-compose)
elif docker compose version > /dev/null 2>&1; then
  compose=(docker compose)
else
  echo "check-compose: SKIPPED: neither docker-compose nor docker compose" >&2
  exit 77
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-compose.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() { echo "check-compose: $*" >&2; exit 1; }

# What docker-compose makes of FILE with an example, whose empty values get a word: FILE EXAMPLE
resolve() {
  sed 's/^\([A-Z_0-9]*\)=$/\1=word/' "docker/$2" > "$work/env"
  # No variable of ours may come from elsewhere, and missing ones are only warned of.
  env -i PATH="$PATH" HOME="$work" WORKER_ENV="$work/env" "${compose[@]}" --env-file "$work/env" -f "docker/$1" \
    --profile run --profile s3 config > "$work/$1" 2> "$work/warnings" || fail "$1: $(cat "$work/warnings")"
  if grep -q 'variable is not set' "$work/warnings"; then fail "$1: $(cat "$work/warnings")"; fi
  echo "check-compose: $1 with $2: $(grep -c '^    image:' "$work/$1") services"
}
resolve compose.yaml local.env.example
resolve compose.main.yaml main.env.example
resolve compose.worker.yaml worker.env.example

[ "$(grep -c 'published\|^    ports' "$work/compose.yaml" || true)" -eq 0 ] || fail "compose.yaml publishes a port"
address=$(sed -n 's/^OVERLAY_ADDRESS=//p' docker/main.env.example)
grep -q "$address" "$work/compose.main.yaml" || fail "compose.main.yaml does not listen at OVERLAY_ADDRESS"
ports=$(grep -E '^ +- .*[0-9]+:[0-9]+"?$' docker/compose.main.yaml | grep -o '[0-9:]*$' | tr '\n' ' ' || true)
[ "$ports" = ":5671:5671 :8333:8333 " ] || fail "compose.main.yaml publishes $ports, not those of broker and S3 server"
listening=$(grep -cE '^ +- \$\{OVERLAY_ADDRESS[^}]*\}:[0-9]+:[0-9]+$' docker/compose.main.yaml || true)
[ "$listening" -eq 2 ] || fail "$listening of the 2 ports of compose.main.yaml are at OVERLAY_ADDRESS"
sed -n '/^  s3:/,/^$/p' docker/compose.main.yaml | grep -q '^    profiles: \[s3\]$' || fail "the S3 server comes along unasked"
for option in "read_only: true" "cap_drop:" "security_opt:"; do
  confined=$(grep -c "^    $option" "$work/compose.main.yaml" || true)
  [ "$confined" -eq 4 ] || fail "$confined of the 4 services of ours in compose.main.yaml have '$option'"
done
for file in compose.main.yaml compose.worker.yaml; do
  if grep -iE '^ +[A-Z_]*(PASSWORD|SECRET|MESSAGE_KEY): ' "$work/$file"; then fail "$file holds a secret (above)"; fi
done
for file in "$work"/compose*.yaml; do
  for option in 'read_only: true' 'no-new-privileges:true' '- ALL'; do
    grep -q -- "$option" "$file" || fail "${file##*/} lost '$option'"
  done
done
